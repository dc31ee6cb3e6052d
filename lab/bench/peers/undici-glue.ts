/**
 * What one writes by hand with `node:http` in front and undici behind, in undici's fastest form: its
 * dispatch interface, raw header lists, no stream in between, with back-pressure.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { choose, poolSize, readEntry, settle } from "./proxy-entry.ts";

type Controller = { pause(): void; resume(): void; abort(reason: Error): void };
type Handler = {
  onRequestStart(controller: Controller): void;
  onResponseStart(controller: Controller, status: number, headers: object): void;
  onResponseData(controller: Controller, chunk: Buffer): void;
  onResponseEnd(): void;
  onResponseError(): void;
};
type Request = {
  path: string;
  method: string;
  headers: readonly string[];
  body: IncomingMessage | null;
};
type Pool = { dispatch(request: Request, handler: Handler): boolean };
type Module = { Pool: new (origin: string, options: object) => Pool };

const name: string = "undici";
const { Pool }: Module = await import(name);

const { port, backends } = readEntry();
const pools = backends.map(
  ({ origin }) => new Pool(origin, { connections: poolSize, pipelining: 1 }),
);
/** Of one connection only; a proxy must not pass them on. */
const hopByHop = new Set(["connection", "keep-alive", "te", "transfer-encoding", "upgrade"]);
let requests = 0;

const server = createServer((request, response) => {
  const url = request.url ?? "/";
  const { method = "GET" } = request;
  const hasBody = "content-length" in request.headers || "transfer-encoding" in request.headers;
  const body = hasBody ? request : null;
  const headers = forwardedHeaders(request);
  pools[choose(url, pools.length)]?.dispatch({ path: url, method, headers, body }, relay(response));
});
settle(server).listen(port, "127.0.0.1");

function forwardedHeaders({ rawHeaders, socket, headers }: IncomingMessage): readonly string[] {
  const list: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] ?? "";
    if (!hopByHop.has(field.toLowerCase())) list.push(field, rawHeaders[index + 1] ?? "");
  }
  list.push("Via", "1.1 lab", "X-Forwarded-For", socket.remoteAddress ?? "");
  list.push("X-Forwarded-Proto", "http", "X-Forwarded-Host", headers.host ?? "");
  list.push("X-Request-Id", `lab-${requests++}`);
  return list;
}

function relay(response: ServerResponse): Handler {
  return {
    onRequestStart(controller) {
      response.on("close", () => {
        if (!response.writableFinished) controller.abort(new Error("the client is gone"));
      });
    },
    onResponseStart(_controller, status, headers) {
      const kept = Object.entries(headers).filter(([field]) => !hopByHop.has(field));
      response.writeHead(status, Object.fromEntries(kept));
    },
    onResponseData(controller, chunk) {
      if (response.write(chunk)) return;
      controller.pause();
      response.once("drain", () => controller.resume());
    },
    onResponseEnd: () => response.end(),
    onResponseError: () => response.destroy(),
  };
}
