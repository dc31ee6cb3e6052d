/** fast-proxy over its undici pools, one per backend because a pool of it has one address. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type IncomingHttpHeaders } from "node:http";
import {
  addForwarding,
  choose,
  dropConnection,
  poolSize,
  readEntry,
  settle,
} from "./proxy-entry.ts";

type Forward = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  options: {
    rewriteRequestHeaders: (
      request: IncomingMessage,
      headers: IncomingHttpHeaders,
    ) => IncomingHttpHeaders;
    rewriteHeaders: (headers: IncomingHttpHeaders) => IncomingHttpHeaders;
  },
) => void;
type Options = { base: string; undici: { connections: number; pipelining: number } };
type Module = { default: (options: Options) => { proxy: Forward } };

const name: string = "fast-proxy";
const { default: fastProxy }: Module = await import(name);

const { port, backends } = readEntry();
const undici = { connections: poolSize, pipelining: 1 };
const proxies = backends.map(({ origin }) => fastProxy({ base: origin, undici }).proxy);
const options = {
  rewriteRequestHeaders: (request: IncomingMessage, headers: IncomingHttpHeaders) => {
    addForwarding(request, headers);
    return headers;
  },
  rewriteHeaders: dropConnection,
};

const server = createServer((request, response) => {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  // Without the query, which it appends itself, its cache of addresses finds the path again.
  const path = query < 0 ? url : url.slice(0, query);
  proxies[choose(url, proxies.length)]?.(request, response, path, options);
});
settle(server).listen(port, "127.0.0.1");
