/** http-proxy-3 with a keep-alive agent, which its defaults lack. */
import { Agent, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { addForwarding, choose, poolSize, readEntry, settle } from "./proxy-entry.ts";

/** The part that is used, named here because types must check where the package is not installed. */
type Proxy = {
  web(request: IncomingMessage, response: ServerResponse, options: { target: URL }): void;
  on(event: "error", listener: (error: Error, request: unknown, response: unknown) => void): void;
};
type Module = { createProxyServer(options: { agent: Agent }): Proxy };

const name: string = "http-proxy-3";
const { createProxyServer }: Module = await import(name);

const { port, backends } = readEntry();
const proxy = createProxyServer({ agent: new Agent({ keepAlive: true, maxSockets: poolSize }) });
proxy.on("error", () => {}); // The client sees a broken connection, and the bench counts it.

const server = createServer((request, response) => {
  addForwarding(request, request.headers);
  const target = backends[choose(request.url ?? "", backends.length)];
  if (target !== undefined) proxy.web(request, response, { target });
});
settle(server).listen(port, "127.0.0.1");
