/**
 * What is signed, and how it is written down: HMAC-SHA256 over a text that names everything a thief
 * might want to change.
 *
 *   request   "prunella-election request v1", then a line each: method, path, cluster, from, to, boot,
 *             seq, nonce (empty when there is none), SHA-256 of the body in hexadecimal
 *   answer    "prunella-election answer v1", then a line each: mac of the request, status, SHA-256 of
 *             the body. So an answer cannot be kept and given to another question.
 *
 *   X-Bully-Auth: v1 kid=0c1d2e3f from=a boot=4f1c... seq=17 nonce=... mac=...     request
 *   X-Bully-Auth: v1 kid=0c1d2e3f mac=...                                          answer
 *
 * No value may hold a space or a line break, so two different requests never make the same text.
 * Source: HMAC is RFC 2104; the header's name is that of the source's algorithm.
 */
import { createHmac, hash, timingSafeEqual } from "node:crypto";

/** A key and the name by which both sides find it. The name says nothing about the key. */
export type Key = { readonly kid: string; readonly secret: Buffer };

/** What a signature covers beside the body. */
export type RequestHead = {
  readonly method: string;
  readonly path: string;
  readonly cluster: string;
  readonly from: string;
  readonly to: string;
  /** One life of the sender; a new process draws a new one. */
  readonly boot: string;
  /** Rises with every message of this life to this receiver. */
  readonly seq: number;
  readonly nonce?: string;
};

/** A header as it was received, not yet believed. */
export type StatedSignature = {
  readonly kid: string;
  readonly from: string;
  readonly boot: string;
  readonly seq: number;
  readonly nonce?: string;
  readonly mac: string;
};

export const signatureHeader = "x-bully-auth";

const valuePattern = /^[A-Za-z0-9._:@-]{1,128}$/;
const macPattern = /^[0-9a-f]{64}$/;
const headerLengthMax = 768;

/** True when a text can stand in a signed line. */
export function isSignable(text: string): boolean {
  return valuePattern.test(text);
}

export function requestMac(key: Key, head: RequestHead, body: string | Buffer): string {
  const lines = [
    "prunella-election request v1",
    head.method,
    head.path,
    head.cluster,
    head.from,
    head.to,
    head.boot,
    `${head.seq}`,
    head.nonce ?? "",
    hash("sha256", body),
  ];
  return mac(key, lines);
}

export function answerMac(key: Key, request: string, status: number, body: string): string {
  return mac(key, ["prunella-election answer v1", request, `${status}`, hash("sha256", body)]);
}

export function requestHeader(key: Key, head: RequestHead, requestMac: string): string {
  const nonce = head.nonce === undefined ? "" : ` nonce=${head.nonce}`;
  return `v1 kid=${key.kid} from=${head.from} boot=${head.boot} seq=${head.seq}${nonce} mac=${requestMac}`;
}

export function answerHeader(key: Key, mac: string): string {
  return `v1 kid=${key.kid} mac=${mac}`;
}

/** Reads the header of a request; undefined when it is not one. */
export function readRequestHeader(text: string | undefined): StatedSignature | undefined {
  const fields = readFields(text);
  const { kid, from, boot, seq, nonce, mac } = fields ?? {};
  if (kid === undefined || from === undefined || boot === undefined) return undefined;
  if (mac === undefined || !macPattern.test(mac) || !/^\d{1,15}$/.test(seq ?? "")) return undefined;
  return { kid, from, boot, seq: Number(seq), mac, ...(nonce === undefined ? {} : { nonce }) };
}

/** Reads the header of an answer; undefined when it is not one. */
export function readAnswerHeader(
  text: string | undefined,
): { readonly kid: string; readonly mac: string } | undefined {
  const { kid, mac } = readFields(text) ?? {};
  if (kid === undefined || mac === undefined || !macPattern.test(mac)) return undefined;
  return { kid, mac };
}

/** Compares two codes in constant time. */
export function isSameMac(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function mac(key: Key, lines: readonly string[]): string {
  return createHmac("sha256", key.secret).update(lines.join("\n")).digest("hex");
}

function readFields(text: string | undefined): Readonly<Record<string, string>> | undefined {
  if (text === undefined || text.length > headerLengthMax) return undefined;
  const [version, ...parts] = text.split(" ");
  if (version !== "v1") return undefined;
  const fields: Record<string, string> = {};
  for (const part of parts) {
    const at = part.indexOf("=");
    const name = part.slice(0, at);
    const value = part.slice(at + 1);
    if (at < 1 || !valuePattern.test(value) || Object.hasOwn(fields, name)) return undefined;
    fields[name] = value;
  }
  return fields;
}
