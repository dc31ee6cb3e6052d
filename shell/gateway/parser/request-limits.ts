/**
 * What a listener accepts. Make one value per listener and kind of peer (trusted or not), once.
 */
export type RequestLimitsOptions = {
  /** Methods beside the known ones; case-sensitive tokens. */
  readonly methods?: readonly string[];
  /** Whole head with its empty line, in bytes. Default 15,360. */
  readonly headBytesMax?: number;
  /** Default 128. */
  readonly fieldsMax?: number;
  /** Default 8,192. */
  readonly targetBytesMax?: number;
  /** Refuse `.` and `..` segments: true when the listener has more than one route. Default true. */
  readonly refuseDotSegments?: boolean;
  /** Believe `Forwarded`, `X-Forwarded-*` and `X-Request-Id` of this peer. Default false. */
  readonly trustPeer?: boolean;
  /** Our name in `Via`; a request that carries it three times is a loop (508). Default: none. */
  readonly viaName?: string;
  /** Seed of `pathHash`. Default 0. */
  readonly hashSeed?: number;
};

export type RequestLimits = {
  readonly methodsByLength: readonly (readonly Uint8Array[])[];
  readonly headBytesMax: number;
  readonly fieldsMax: number;
  readonly targetBytesMax: number;
  readonly refuseDotSegments: boolean;
  readonly trustPeer: boolean;
  readonly viaName: Uint8Array;
  readonly hashSeed: number;
};

export function createRequestLimits(_options: RequestLimitsOptions = {}): RequestLimits {
  throw new Error("not built yet");
}
