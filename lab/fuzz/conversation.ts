/** One client connection through real sockets: sends pieces, half-closes, keeps all that comes back. */
import { connect } from "node:net";
import { setImmediate as turn } from "node:timers/promises";

export type Heard = {
  /** As latin1. */
  readonly received: string;
  readonly wasReset: boolean;
};

const deadlineMs = 10_000;

/** Pieces of `input`, cut at ascending offsets. */
export function piecesOf(input: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] {
  const edges = [0, ...cuts, input.length];
  return edges.slice(1).map((end, index) => input.subarray(edges[index], end));
}

/**
 * Sends one piece per turn of the loop, so that a peer in this process reads them one by one, then FIN.
 * @throws Error when the peer has not ended the connection in time: it hangs.
 */
export async function converse(port: number, pieces: readonly Uint8Array[]): Promise<Heard> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true, allowHalfOpen: true });
  let received = "";
  let wasReset = false;
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      resolve();
    };
    socket.on("data", (bytes: Buffer) => {
      received += bytes.toString("latin1");
    });
    socket.on("error", () => {
      wasReset = true;
    });
    socket.once("end", end);
    socket.once("close", end);
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const shown = (): string => JSON.stringify(received.slice(-300));
    const say = (): void => reject(new Error(`no end within ${deadlineMs} ms; so far ${shown()}`));
    timer = setTimeout(say, deadlineMs);
  });
  late.catch(() => undefined); // It may come while pieces are still being sent.
  try {
    for (const piece of pieces) {
      if (isOver || socket.destroyed) break;
      socket.write(piece);
      if (pieces.length > 1) {
        await turn();
        await turn();
      }
    }
    if (!socket.destroyed) socket.end();
    await Promise.race([over, late]);
    return { received, wasReset };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
