/**
 * The cluster token: the one secret that opens the control API and the admin listener of a gateway
 * on one machine. It lives in a file of mode 0600 and travels in the `Authorization` header only.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const tokenByteCount = 32;

export function newToken(): string {
  return randomBytes(tokenByteCount).toString("base64url");
}

export function authorization(token: string): string {
  return `Bearer ${token}`;
}

/** Compares in constant time. Both sides are hashed first, so not even the length leaks. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  if (header === undefined) return false;
  return timingSafeEqual(digest(header), digest(authorization(token)));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
