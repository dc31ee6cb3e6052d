/**
 * A replica to put behind a gateway: `backend-main NAME [PORT]`. Prints its port on the first line.
 *
 *   GET /home            200, says its name
 *   GET /held            the same once somebody asked for /release
 *   anything else        404
 */
import { createServer } from "node:http";

const [name = "backend", port = "0"] = process.argv.slice(2);
const release = Promise.withResolvers<void>();

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://backend");
  for await (const _part of request);
  const isKnown = ["/home", "/held", "/release"].includes(url.pathname);
  if (url.pathname === "/release") release.resolve();
  if (url.pathname === "/held") await release.promise;
  const message = isKnown ? `Hello from Server: ${name}` : "not found";
  response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
  response.end(JSON.stringify({ message, status: isKnown ? "successful" : "failure" }));
});
server.listen(Number(port), "127.0.0.1", () => {
  const address = server.address();
  process.stdout.write(`${typeof address === "object" ? address?.port : address}\n`);
});
process.once("SIGTERM", () => process.exit(0));
