import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** A port on which nobody listens at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/**
 * The first of `count` ports in a row on which nobody listens, outside what outgoing connections
 * usually draw from.
 */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = randomInt(10_000, 20_000 - count);
    const isFree = await Promise.all(Array.from({ length: count }, (_, n) => canListen(first + n)));
    if (isFree.every(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const heard = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => resolve(true));
  });
  if (heard) await new Promise((resolve) => server.close(resolve));
  return heard;
}
