/**
 * The methods of a listener. By default those that Node's own parser knows, without CONNECT and TRACE:
 * a method that the instance's parser refuses is better refused here.
 *
 * Source: `http.METHODS` of Node 24; RFC 9110, section 9 and the IANA method registry behind it.
 */

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

export const knownMethods: readonly string[] = (
  "GET HEAD POST PUT DELETE OPTIONS PATCH ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY " +
  "MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE " +
  "UNBIND UNLINK UNLOCK UNSUBSCRIBE"
).split(" ");
