/** A member that says its answer in pieces, so that a gateway in this process reads them one by one. */
import { setImmediate as turn } from "node:timers/promises";
import type { BackendConnection } from "../peers/scripted-backend.ts";

/** One piece per turn of the loop, then FIN. Resolves when all is said, or nobody listens any more. */
export async function saySlowly(
  connection: BackendConnection,
  pieces: readonly Uint8Array[],
): Promise<void> {
  for (const piece of pieces) {
    if (connection.closed) return;
    connection.write(piece);
    if (pieces.length > 1) {
      await turn();
      await turn();
    }
  }
  connection.socket.end();
}
