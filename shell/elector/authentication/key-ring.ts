/**
 * The keys of a service: one file with one or two lines. The first line signs; both are believed. So a
 * key is changed without a moment in which two members misunderstand each other: append the new key
 * everywhere, move it to the first line everywhere, remove the old one everywhere.
 *
 * The file is looked at again when it changed, at most once in `lookMs`. A file that cannot be read, or
 * holds nonsense, changes nothing: the keys of before stay, and the failure is told once.
 */
import { createHmac, hash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ClusterError } from "@prunella/core/kernel";
import { systemCode, writeFileAtomicSync } from "@prunella/store";
import type { Key } from "./signature.ts";

const lookMs = 1_000;
const secretBytesMin = 16;
const keysMax = 2;
const othersMask = 0o077;

export class KeyRing {
  readonly #path: string | undefined;
  readonly #report: (error: ClusterError) => void;
  #keys: readonly Key[];
  #stamp: string;
  #lookedAtMs = performance.now();

  private constructor(
    path: string | undefined,
    keys: readonly Key[],
    report: (error: ClusterError) => void,
  ) {
    this.#path = path;
    this.#keys = keys;
    this.#report = report;
    this.#stamp = path === undefined ? "" : stampOf(path);
  }

  /**
   * Reads the keys from a file.
   *
   * @throws ClusterError `ELECTION_KEY` when the file is missing, open to others or holds no key.
   */
  static fromFile(path: string, report: (error: ClusterError) => void = () => {}): KeyRing {
    return new KeyRing(path, readKeys(path), report);
  }

  /** Keys that the program holds itself. The first signs. */
  static of(...secrets: readonly string[]): KeyRing {
    return new KeyRing(undefined, parseKeys(secrets.join("\n"), "the key"), () => {});
  }

  get signing(): Key {
    return this.all[0] as Key; // Never empty: `parseKeys` refuses that.
  }

  get all(): readonly Key[] {
    this.#look();
    return this.#keys;
  }

  find(kid: string): Key | undefined {
    return this.all.find((key) => key.kid === kid);
  }

  #look(): void {
    const path = this.#path;
    const nowMs = performance.now();
    if (path === undefined || nowMs - this.#lookedAtMs < lookMs) return;
    this.#lookedAtMs = nowMs;
    const stamp = stampOf(path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#keys = readKeys(path);
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      this.#report(error);
    }
  }
}

/** A key of which nothing is known to anybody: 256 bits, as one line. */
export function newKey(): string {
  return randomBytes(32).toString("base64url");
}

/** Writes a file with a new key that only its owner may read. */
export function writeNewKey(path: string): void {
  writeFileAtomicSync(path, `${newKey()}\n`);
}

/** The key for calls of an operator when there is no file for it: made from the members' key. */
export function operatorKey(key: Key): Key {
  const secret = createHmac("sha256", key.secret).update("prunella-election operator").digest();
  return { kid: kidOf(secret), secret };
}

function readKeys(path: string): readonly Key[] {
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & othersMask) !== 0) {
      throw refused(`${path} can be read by others. Close it: chmod 600 ${path}`);
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (ClusterError.is(error)) throw error;
    throw refused(
      `The key file ${path} cannot be read (${systemCode(error) ?? error}). Every member of the election needs the same one, for example: head -c 32 /dev/urandom | base64 > ${path}; chmod 600 ${path}`,
      error,
    );
  }
  return parseKeys(text, path);
}

function parseKeys(text: string, where: string): readonly Key[] {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const short = lines.find((line) => Buffer.byteLength(line) < secretBytesMin);
  if (lines.length === 0 || lines.length > keysMax || short !== undefined) {
    throw refused(
      `${where} must hold one or two keys, one a line, of at least ${secretBytesMin} bytes each.`,
    );
  }
  return lines.map((line) => {
    const secret = Buffer.from(line);
    return { kid: kidOf(secret), secret };
  });
}

function kidOf(secret: Buffer): string {
  return hash("sha256", Buffer.concat([Buffer.from("kid "), secret])).slice(0, 8);
}

/** A secret that Kubernetes mounts changes by a link further up, so the inode counts as well. */
function stampOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "missing" : `${found.ino} ${found.mtimeMs} ${found.size}`;
}

function refused(message: string, cause?: unknown): ClusterError {
  return new ClusterError("ELECTION_KEY", { message, cause });
}
