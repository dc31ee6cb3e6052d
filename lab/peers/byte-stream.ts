/** Streams a number of bytes through a gateway, each way, without keeping any of them. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const piece = Buffer.alloc(65_536, 0x78);

/** Writes until `bytes` are sent, as fast as the peer takes them. */
async function pour(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= piece.length) {
    const part = left < piece.length ? piece.subarray(0, left) : piece;
    if (!socket.write(part)) await once(socket, "drain");
  }
}

/** Answers `GET /N` with N bytes, and any request with a body by the count of bytes that it read. */
export class StreamServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port = 0;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => void this.#serve(socket));
  }

  static async start(): Promise<StreamServer> {
    const server = new StreamServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    const address = server.#server.address();
    if (address !== null && typeof address === "object") server.port = address.port;
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    let head = "";
    let bodyLeft = 0;
    let bodyRead = 0;
    socket.on("data", (bytes) => {
      if (bodyLeft === 0) {
        head += bytes.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        bodyLeft = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        const size = Number(/^GET \/(\d+)/.exec(head)?.[1] ?? 0);
        bodyRead = head.length - end - 4;
        head = "";
        if (bodyLeft === 0) {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
          pour(socket, size).catch(() => undefined);
          return;
        }
      } else bodyRead += bytes.length;
      if (bodyRead < bodyLeft) return;
      bodyLeft = 0;
      const text = `${bodyRead}`;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    });
  }
}

/** Downloads `bytes` and returns how many came. */
export async function download(port: number, bytes: number): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.write(`GET /${bytes} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  let count = 0;
  let headLeft = "";
  let inHead = true;
  socket.on("data", (part: Buffer) => {
    if (!inHead) {
      count += part.length;
      return;
    }
    headLeft += part.toString("latin1");
    const end = headLeft.indexOf("\r\n\r\n");
    if (end < 0) return;
    inHead = false;
    count += headLeft.length - end - 4;
    headLeft = "";
  });
  await once(socket, "close");
  return count;
}

/** Uploads `bytes` and returns how many the server says it read. */
export async function upload(port: number, bytes: number): Promise<number> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  let received = "";
  socket.on("data", (part: Buffer) => {
    received += part.toString("latin1");
  });
  socket.write(
    `PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  await pour(socket, bytes);
  await once(socket, "close");
  return Number(received.slice(received.indexOf("\r\n\r\n") + 4));
}
