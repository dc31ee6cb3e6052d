/**
 * What is kept on disk for one elected service: `elections/SERVICE/` in the state folder.
 *
 *   key            signs what its electors say to each other; they alone read it
 *   token          opens two calls of the control API, and nothing else
 *   terms.json     who led when, so that terms never fall when an agent takes over
 *   arbiter        the one record of the mode `arbiter`; written by its electors
 *   voters/NAME/   what a voter must not forget; written by its elector, and kept over its restarts
 *
 * All of it is 0600 in folders of 0700, is made at first use, and goes with the service.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ClusterError, isName } from "@prunella/core/kernel";
import { readJsonSync, storageError, writeFileAtomicSync, writeJsonSync } from "@prunella/store";
import { newToken } from "@prunella/wire/token";
import { z } from "zod";
import { emptyRegistry, type RegistryState } from "./leader-registry.ts";

const folderMode = 0o700;
const secretLengthMin = 32;

export class ElectionFolder {
  readonly root: string;

  /** @param elections - The folder of all elections; it exists. */
  constructor(elections: string, service: string) {
    this.root = join(elections, service);
  }

  get keyFile(): string {
    return join(this.root, "key");
  }

  get tokenFile(): string {
    return join(this.root, "token");
  }

  get arbiterFile(): string {
    return join(this.root, "arbiter");
  }

  voterFolder(member: string): string {
    return join(this.root, "voters", member);
  }

  /**
   * Makes what is missing, and nothing anew: a new key would make strangers of its running electors.
   *
   * @throws ClusterError `DISK_FULL`, `STATE_REFUSED`, `STATE_CORRUPT`.
   */
  prepare(members: readonly string[]): void {
    for (const folder of [this.root, ...members.map((name) => this.voterFolder(name))]) {
      try {
        mkdirSync(folder, { recursive: true, mode: folderMode });
      } catch (error) {
        throw storageError(error, folder, "create");
      }
    }
    for (const path of [this.keyFile, this.tokenFile]) {
      if (!existsSync(path)) writeFileAtomicSync(path, `${newToken()}\n`);
    }
  }

  /** @throws ClusterError `STATE_CORRUPT` when somebody emptied the file. */
  token(): string {
    const token = readFileSync(this.tokenFile, "utf8").trim();
    if (token.length >= secretLengthMin) return token;
    throw new ClusterError("STATE_CORRUPT", {
      message: `${this.tokenFile} is damaged: it holds no token. Remove it and run: prunella up`,
      details: { path: this.tokenFile },
    });
  }

  /** What earlier agents knew. A damaged file is told by `report`; then terms begin anew from electors. */
  readTerms(report: (error: ClusterError) => void): RegistryState {
    try {
      return readJsonSync(join(this.root, "terms.json"), parseTerms) ?? emptyRegistry;
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      report(error);
      return emptyRegistry;
    }
  }

  /** Survives a kill of the agent; a loss of power ends every elector, and with it every reign. */
  writeTerms(state: RegistryState): void {
    writeJsonSync(join(this.root, "terms.json"), state, { durable: false });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const count = z.number().int().nonnegative();
const termsShape = z.object({
  schema: z.literal(1),
  term: count,
  leader: z
    .object({
      member: z.string().refine(isName),
      incarnation: count,
      term: count,
      state: z.enum(["leading", "handing-over"]),
    })
    .optional(),
  reigns: z.array(
    z.looseObject({ term: count, member: z.string(), incarnation: count, fromMs: z.number() }),
  ),
  dead: z.array(z.string()),
});

function parseTerms(value: unknown): RegistryState | undefined {
  return termsShape.safeParse(value).success
    ? { ...emptyRegistry, ...(value as RegistryState) }
    : undefined;
}
