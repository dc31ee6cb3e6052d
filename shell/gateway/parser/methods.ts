/**
 * The methods of a listener. By default those that Node's own parser knows, without CONNECT and TRACE:
 * a method that the instance's parser refuses is better refused here.
 *
 * Source: `http.METHODS` of Node 24; RFC 9110, section 9 and the IANA method registry behind it.
 */
import { ascii } from "./byte-classes.ts";

/** Methods that the gateway treats in a way of their own; every other known one is `other`. */
export const methodCode = {
  other: 0,
  get: 1,
  head: 2,
  post: 3,
  put: 4,
  delete: 5,
  options: 6,
  patch: 7,
} as const;

export type KnownMethod = {
  readonly name: Uint8Array;
  readonly code: number;
  /** May be sent a second time: RFC 9110, section 9.2.2. */
  readonly idempotent: boolean;
};

export const knownMethods: readonly string[] = (
  "GET HEAD POST PUT DELETE OPTIONS PATCH ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE " +
  "MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH " +
  "SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK UNSUBSCRIBE"
).split(" ");

const codes: ReadonlyMap<string, number> = new Map([
  ["GET", methodCode.get],
  ["HEAD", methodCode.head],
  ["POST", methodCode.post],
  ["PUT", methodCode.put],
  ["DELETE", methodCode.delete],
  ["OPTIONS", methodCode.options],
  ["PATCH", methodCode.patch],
]);

const idempotentMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]);

/** The known methods and `others`, by length: a look-up compares with very few names. */
export function methodsByLength(others: readonly string[]): readonly (readonly KnownMethod[])[] {
  const byLength: KnownMethod[][] = [];
  for (const name of [...knownMethods, ...others]) {
    while (byLength.length <= name.length) byLength.push([]);
    byLength[name.length]?.push({
      name: ascii(name),
      code: codes.get(name) ?? methodCode.other,
      idempotent: idempotentMethods.has(name),
    });
  }
  return byLength;
}
