/**
 * The first frame of a connection through a port that all members of a service share: one line that
 * names the member. Pure, and text, so that a client in any language, or a person with `nc`, can write it.
 *
 *   PRUNELLA/1 TO counter-2\n                client to gateway, which passes it on to the member
 *   PRUNELLA/1 REFUSED unknown-member\n      gateway to client, and then the end
 *
 * What follows the line is not interpreted by anybody but the member.
 */
import { isName } from "@prunella/core/kernel";

/** Longest first frame, its line end included. */
export const memberFrameBytesMax = 512;

export type MemberFrame =
  /** Not all of it is here yet. */
  | { readonly state: "more" }
  /** It can never become a frame. */
  | { readonly state: "malformed" }
  | { readonly state: "complete"; readonly member: string; readonly byteCount: number };

/** Why a gateway refuses a connection after its first frame, or without one. */
export type FrameRefusal =
  | "late" // No whole frame in time.
  | "malformed"
  | "unknown-member"
  | "unavailable"; // The member is known, and takes no connections now.

const opening = "PRUNELLA/1 TO ";
const openingBytes = new TextEncoder().encode(opening);
const lineEnd = 0x0a;

/** Reads the frame at the start of `bytes`; a wrong one is known at its first wrong byte. */
export function readMemberFrame(bytes: Uint8Array): MemberFrame {
  const compared = Math.min(bytes.length, openingBytes.length);
  for (let at = 0; at < compared; at++) {
    if (bytes[at] !== openingBytes[at]) return { state: "malformed" };
  }
  const end = bytes.subarray(0, memberFrameBytesMax).indexOf(lineEnd);
  if (end < 0) return { state: bytes.length < memberFrameBytesMax ? "more" : "malformed" };
  const member = String.fromCharCode(...bytes.subarray(openingBytes.length, end));
  if (end < openingBytes.length || !isName(member)) return { state: "malformed" };
  return { state: "complete", member, byteCount: end + 1 };
}

/** What a client sends first. */
export function memberFrame(member: string): string {
  return `${opening}${member}\n`;
}

export function refusalFrame(reason: FrameRefusal): string {
  return `PRUNELLA/1 REFUSED ${reason}\n`;
}
