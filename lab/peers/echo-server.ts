/** A member of a TCP service. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** Says its name, then sends back what it gets; its FIN follows the client's. */
export class EchoServer implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets: Socket[] = [];
  /** Everything that came in, as latin1. */
  received = "";
  port = 0;

  private constructor(name: string) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.push(socket);
      socket.on("error", () => undefined);
      socket.write(`${name} `);
      socket.on("data", (bytes: Buffer) => {
        this.received += bytes.toString("latin1");
      });
      socket.pipe(socket);
    });
  }

  static async start(name: string): Promise<EchoServer> {
    const echo = new EchoServer(name);
    echo.#server.listen(0, "127.0.0.1");
    await once(echo.#server, "listening");
    const address = echo.#server.address();
    if (address !== null && typeof address === "object") echo.port = address.port;
    return echo;
  }

  get openCount(): number {
    return this.sockets.filter((socket) => !socket.destroyed).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}
