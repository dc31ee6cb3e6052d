/** One finished exchange, as facts for a log line. Made only when somebody asked for it. */
export type AccessEntry = {
  /** Wall-clock milliseconds at the end of the exchange. */
  readonly atMs: number;
  readonly requestId: string;
  /** Address of the peer, or of the client that a trusted proxy named. */
  readonly client: string;
  readonly method: string;
  /** Request target with its query, as received: visible ASCII only. Redaction is the sink's. */
  readonly target: string;
  /** Status given to the client; 0 when it got none. */
  readonly status: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  readonly service: string | undefined;
  readonly member: string | undefined;
  readonly attempts: number;
  /** Why not the home member: a label of `diverted`; undefined when it was the home. */
  readonly diverted: string | undefined;
  /** Why the gateway answered itself or broke the answer off; undefined for an ordinary one. */
  readonly reason: string | undefined;
};
