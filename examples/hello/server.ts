/**
 * The server of the load-balancer document, in plain Node: it listens on PORT, says who it is, and
 * stops on SIGTERM once its requests are answered. Everything else is Prunella's part.
 */
import { createServer } from "node:http";

const { HOST = "127.0.0.1", PORT = "5000", SERVER_ID = "alone" } = process.env;

const home = JSON.stringify({
  message: `Hello from Server: ${SERVER_ID}`,
  status: "successful",
});

const server = createServer((request, response) => {
  const isRead = request.method === "GET" || request.method === "HEAD";
  const path = isRead ? request.url?.split("?", 1)[0] : undefined;
  if (path === "/heartbeat") {
    response.end();
  } else if (path === "/home") {
    response.writeHead(200, { "content-type": "application/json" }).end(home);
  } else {
    response.writeHead(404).end();
  }
});

process.once("SIGTERM", () => server.close());
server.listen(Number(PORT), HOST); // In a container: HOST=0.0.0.0.
