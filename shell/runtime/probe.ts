/**
 * One look at one instance from outside, on a fresh connection: does it accept, and does its path
 * answer? Healthy means that it answers in time; what it depends on is not asked for.
 */
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import type { ProbeOutcome } from "@prunella/core/detector";
import type { Address } from "./runtime.ts";

export type ProbeAnswer = { readonly outcome: ProbeOutcome; readonly detail: string };

const bodyBytesMax = 64 * 1024;

/**
 * Connects and, when a path is given, asks for it. Never rejects. The answer comes within
 * `timeoutMs`; a slow body is cut off at the same time.
 */
export function probe(
  address: Address,
  path: string | undefined,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, noDelay: true });
    const answer = (outcome: ProbeOutcome, detail: string): void => resolve({ outcome, detail });
    const timer = setTimeout(() => {
      answer("timeout", `no answer within ${timeoutMs} ms`);
      socket.destroy();
    }, timeoutMs);
    socket.on("error", (error) => answer("failed", error.message));
    socket.on("close", () => {
      clearTimeout(timer);
      answer("failed", "closed the connection without an answer");
    });
    socket.on("connect", () => {
      if (isOwnEcho(socket)) {
        socket.resetAndDestroy();
        return answer("failed", "nobody listens");
      }
      if (path === undefined) {
        answer("good", "accepts connections");
        return socket.destroy();
      }
      ask(socket, address, path, answer);
    });
  });
}

/**
 * A connection to a port that nobody listens on can, on one machine, meet itself: the system draws
 * the same port for our end. It would look alive and keep the real program from its port.
 */
function isOwnEcho({ localPort, remotePort, localAddress, remoteAddress }: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}

function ask(
  socket: Socket,
  { host, port }: Address,
  path: string,
  answer: (outcome: ProbeOutcome, detail: string) => void,
): void {
  const method = path === "*" ? "OPTIONS" : "GET"; // `*` is the server itself (RFC 9110, 9.3.7).
  const asked = request({
    createConnection: () => socket,
    method,
    path,
    headers: { host: `${host}:${port}`, connection: "close", "user-agent": "prunella-probe" },
  });
  asked.on("error", (error) => {
    answer("failed", error.message);
    socket.destroy();
  });
  asked.on("response", (response) => {
    const status = response.statusCode ?? 0;
    answer(
      status >= 200 && status < 400 ? "good" : "failed",
      `${method} ${path} answered ${status}`,
    );
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) socket.destroy();
    });
    response.on("end", () => socket.destroy());
  });
  asked.end();
}
