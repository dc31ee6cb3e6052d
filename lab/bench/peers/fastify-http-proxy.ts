/** @fastify/http-proxy without a logger. */
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import {
  addForwarding,
  choose,
  dropConnection,
  poolSize,
  readEntry,
  settle,
} from "./proxy-entry.ts";

type Request = { readonly raw: IncomingMessage };
type App = {
  readonly server: Server;
  register(plugin: unknown, options: object): unknown;
  listen(options: { port: number; host: string }): Promise<string>;
};
type Fastify = { default: (options: object) => App };
type Plugin = { default: unknown };

const names: readonly string[] = ["fastify", "@fastify/http-proxy"];
const { default: fastify }: Fastify = await import(names[0] ?? "");
const { default: httpProxy }: Plugin = await import(names[1] ?? "");

const { port, backends } = readEntry();
const origins = backends.map(({ origin }) => origin);
const app = fastify({ logger: false, bodyLimit: 16 * 1_024 * 1_024 });
app.register(httpProxy, {
  upstream: "",
  undici: { connections: poolSize, pipelining: 1 },
  replyOptions: {
    getUpstream: ({ raw }: Request) => origins[choose(raw.url ?? "", origins.length)],
    rewriteRequestHeaders: ({ raw }: Request, headers: IncomingHttpHeaders) => {
      addForwarding(raw, headers);
      return headers;
    },
    rewriteHeaders: dropConnection,
  },
});
settle(app.server);
await app.listen({ port, host: "127.0.0.1" });
