/**
 * A fence in front of an HTTP service that a leader calls: requests that change something must carry
 * `X-Fencing-Token`, and one below the highest seen is answered 412 before the service hears of it.
 *
 * The check and the handler are one turn apart at most, but a handler that waits before it writes must
 * ask `fence.admit` again at the write; the middleware cannot know when that is.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ClusterError } from "@prunella/core/kernel";
import type { MemoryFence } from "./memory-fence.ts";
import { parseToken } from "./token.ts";

export const fencingTokenHeader = "x-fencing-token";

type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

const readingMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** For `node:http`, Connect and Express: answers 412 (stale), 428 (no token) or 400, or calls `next`. */
export function fencingMiddleware(fence: MemoryFence): Middleware {
  return (request, response, next) => {
    const text = request.headers[fencingTokenHeader];
    if (text === undefined) {
      if (readingMethods.has(request.method ?? "")) return next();
      return answer(response, 428, "FENCE_MISSING", "Send the leader's token in X-Fencing-Token.");
    }
    try {
      fence.admit(parseToken(Array.isArray(text) ? undefined : text));
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      const status = error.code === "FENCE_STALE" ? 412 : 400;
      return answer(response, status, error.code, error.message);
    }
    next();
  };
}

function answer(response: ServerResponse, status: number, code: string, message: string): void {
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
