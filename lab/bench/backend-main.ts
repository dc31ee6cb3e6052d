/**
 * A replica to put behind a gateway: `backend-main NAME [PORT]`. Prints its port on the first line.
 *
 *   GET /home            200, says its name
 *   GET /slow?ms=N       the same after N milliseconds
 *   anything else        404
 */
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

const [name = "backend", port = "0"] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://backend");
  for await (const _part of request);
  const isKnown = url.pathname === "/home" || url.pathname === "/slow";
  if (url.pathname === "/slow") await delay(Number(url.searchParams.get("ms")));
  const message = isKnown ? `Hello from Server: ${name}` : "not found";
  response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify({ message, status: isKnown ? "successful" : "failure" }));
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : address}\n`);
});
process.once("SIGTERM", () => process.exit(0));
