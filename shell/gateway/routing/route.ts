/**
 * Which service a request is for: by host first (exact, then the longest `*.suffix`, then any), then
 * by the longest path prefix on segment boundaries. Raw bytes are compared; nothing is decoded, so
 * the gateway and an instance cannot read a path differently.
 */
import type { RequestHead } from "../parser/index.ts";
import type { Service } from "./service.ts";

type Route = {
  /** Lower case; empty matches any host. */
  readonly host: Uint8Array;
  readonly isSuffix: boolean;
  readonly prefix: Uint8Array;
  readonly service: Service;
};

const slash = 0x2f;
const rootPath = Uint8Array.of(slash);

export class RouteTable {
  readonly #routes: readonly Route[];

  constructor(services: Iterable<Service>) {
    const routes: Route[] = [];
    for (const service of services) {
      for (const { host = "", prefix } of service.view.routes) {
        const isSuffix = host.startsWith("*.");
        routes.push({
          host: Buffer.from((isSuffix ? host.slice(1) : host).toLowerCase(), "latin1"),
          isSuffix,
          prefix: Buffer.from(prefix, "utf8"),
          service,
        });
      }
    }
    this.#routes = routes.sort(mostSpecificFirst);
  }

  get size(): number {
    return this.#routes.length;
  }

  find(bytes: Uint8Array, head: RequestHead): Service | undefined {
    for (const route of this.#routes) {
      if (hostMatches(route, bytes, head) && pathMatches(route.prefix, bytes, head)) {
        return route.service;
      }
    }
    return undefined;
  }
}

function mostSpecificFirst(a: Route, b: Route): number {
  if (a.isSuffix !== b.isSuffix && a.host.length > 0 && b.host.length > 0) {
    return a.isSuffix ? 1 : -1;
  }
  return b.host.length - a.host.length || b.prefix.length - a.prefix.length;
}

function hostMatches(route: Route, bytes: Uint8Array, head: RequestHead): boolean {
  const { host } = route;
  if (host.length === 0) return true;
  const length = head.hostNameEnd - head.hostStart;
  // A suffix `.example.org` needs a name before it.
  if (route.isSuffix ? length <= host.length : length !== host.length) return false;
  const start = head.hostNameEnd - host.length;
  for (let index = 0; index < host.length; index++) {
    if (lower(bytes[start + index] ?? 0) !== host[index]) return false;
  }
  return true;
}

function pathMatches(prefix: Uint8Array, bytes: Uint8Array, head: RequestHead): boolean {
  const path = head.needsSlash ? rootPath : bytes;
  const start = head.needsSlash ? 0 : head.targetStart;
  const end = head.needsSlash ? 1 : head.pathEnd;
  const { length } = prefix;
  if (end - start < length) return false;
  for (let index = 0; index < length; index++) {
    if (path[start + index] !== prefix[index]) return false;
  }
  return prefix[length - 1] === slash || end - start === length || path[start + length] === slash;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}
