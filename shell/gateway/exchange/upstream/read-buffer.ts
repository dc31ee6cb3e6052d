/**
 * Where the bytes of a member land. All connections to members read into one buffer, because heads
 * and small bodies are copied out before the call that brought them returns. A connection that
 * streams gets a buffer of its own: its pieces go on as views, without a copy, and as long as every
 * piece was taken at once, the same memory is read into again.
 */
import { bodyRoute, type UpstreamConnection, upstreamPhase } from "../state/upstream-connection.ts";

const readBytes = 65_536;

const shared = Buffer.allocUnsafeSlow(readBytes);

/** The buffer for the next read. Called after each piece, when what happened with it is known. */
export function nextReadBuffer(upstream: UpstreamConnection): Buffer {
  if (!streams(upstream)) {
    upstream.ownBuffer = undefined;
    return shared;
  }
  if (upstream.ownBuffer === undefined || upstream.lent) {
    upstream.ownBuffer = Buffer.allocUnsafeSlow(readBytes);
    upstream.lent = false;
  }
  return upstream.ownBuffer;
}

/** Bytes that may be given to a socket: `view` itself, or a copy where others may write soon. */
export function lasting(upstream: UpstreamConnection, view: Uint8Array): Uint8Array {
  if (upstream.ownBuffer !== undefined) return view;
  const copy = Buffer.allocUnsafeSlow(view.length);
  copy.set(view);
  return copy;
}

function streams({ phase, bodyRoute: route }: UpstreamConnection): boolean {
  if (phase === upstreamPhase.tunnel) return true;
  return phase === upstreamPhase.body && (route === bodyRoute.stream || route === bodyRoute.wrap);
}
