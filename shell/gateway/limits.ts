/**
 * Every bound of the data path with its default. A bound that is reached is counted, never silent:
 * the counter that says so stands beside each group. Times are milliseconds, sizes are bytes.
 */
export type Limits = {
  /** Beyond it a connection is accepted and closed at once. Open files may allow less. */
  readonly clientConnectionsMax: number;
  /** The same per address; loopback and trusted proxies are exempt. */
  readonly clientConnectionsPerAddressMax: number;
  readonly requestsPerConnectionMax: number;

  /** A whole request head, from its first byte (`rejected: head-late`, answered 408). */
  readonly headMs: number;
  /** An idle keep-alive connection, closed silently. */
  readonly idleMs: number;
  /** A new connection without a byte, closed silently. */
  readonly firstByteMs: number;
  /** No progress of a request body; after `bodyRateAfterMs` it must also reach the mean rate. */
  readonly bodyMs: number;
  readonly bodyRateAfterMs: number;
  readonly bodyBytesPerSecondMin: number;
  /** A response body without progress: the answer is broken off. */
  readonly responseBodyMs: number;
  /** A client that takes no byte (`slow-reader`). */
  readonly slowReaderMs: number;
  /** After an answer that ends a connection: how long and how much is still read and discarded. */
  readonly lingerMs: number;
  readonly lingerBytes: number;

  /** Bound of one connect to an instance on this machine, and on another one. */
  readonly connectLocalMs: number;
  readonly connectRemoteMs: number;
  /** Per member; beyond it requests wait. */
  readonly upstreamConnectionsMax: number;
  readonly upstreamIdleMax: number;
  readonly upstreamIdleMs: number;
  readonly maxInFlight: number;

  /** Requests under way on one connection to a member whose service says `pipelining: "safe"`. */
  readonly upstreamPipelineMax: number;
  /** So long they gather while others are under way to a member that answers within that time. */
  readonly upstreamGatherMs: number;
  /** So long a request waits behind others on its connection; then it gets another one. */
  readonly upstreamPipelineMs: number;

  /** Requests that wait for a member, per service (`held`); a full queue answers 503 at once. */
  readonly holdMs: number;
  readonly heldMax: number;
  readonly heldBytesMax: number;

  /** So long a request for a leader waits for news of it before followers are asked. */
  readonly leaderNewsMs: number;
  /**
   * So long a leader that was overtaken may still say what it did: answer what it finished before it
   * handed over, or declare that it never began.
   */
  readonly lastWordMs: number;

  /** Retries of one request after bytes were sent. Failed connects have `connectsMax` of their own. */
  readonly retriesMax: number;
  readonly connectsMax: number;
  /** Request body kept for a retry, per request and over all requests. */
  readonly keptBytesMax: number;
  readonly keptBytesTotalMax: number;
  /** Bytes of the next requests of a pipelining client, read before its answer is complete. */
  readonly pendingBytesMax: number;
  /** A response with a length up to this is held until it is whole. */
  readonly heldResponseBytesMax: number;
  /** Over the whole process: above it new requests get 503. */
  readonly bufferedBytesMax: number;
  readonly localBodyBytesMax: number;

  /** TCP connections of all services; beyond it they are closed at once (`too-many`). */
  readonly tcpConnectionsMax: number;
  /** The first frame of a connection to a port by `first-frame`, from its begin. */
  readonly tcpFrameMs: number;
  readonly tunnelIdleMs: number;
  readonly tunnelDrainMs: number;
  /** After `drain()` idle client connections get this long before they are closed. */
  readonly drainIdleMs: number;
};

export const defaultLimits: Limits = {
  clientConnectionsMax: 16_000,
  clientConnectionsPerAddressMax: 1_000,
  requestsPerConnectionMax: 100_000,
  headMs: 10_000,
  idleMs: 60_000,
  firstByteMs: 10_000,
  bodyMs: 30_000,
  bodyRateAfterMs: 10_000,
  bodyBytesPerSecondMin: 500,
  responseBodyMs: 60_000,
  slowReaderMs: 60_000,
  lingerMs: 1_000,
  lingerBytes: 65_536,
  connectLocalMs: 250,
  connectRemoteMs: 1_000,
  upstreamConnectionsMax: 1_024,
  upstreamIdleMax: 512,
  upstreamIdleMs: 4_000,
  maxInFlight: 1_024,
  upstreamPipelineMax: 16,
  upstreamGatherMs: 1,
  upstreamPipelineMs: 1_000,
  holdMs: 2_000,
  heldMax: 1_024,
  heldBytesMax: 8_388_608,
  leaderNewsMs: 500,
  lastWordMs: 250,
  retriesMax: 2,
  connectsMax: 8,
  keptBytesMax: 65_536,
  keptBytesTotalMax: 67_108_864,
  pendingBytesMax: 65_536,
  heldResponseBytesMax: 16_384,
  bufferedBytesMax: 268_435_456,
  localBodyBytesMax: 65_536,
  tcpConnectionsMax: 4_096,
  tcpFrameMs: 2_000,
  tunnelIdleMs: 3_600_000,
  tunnelDrainMs: 30_000,
  drainIdleMs: 100,
};
