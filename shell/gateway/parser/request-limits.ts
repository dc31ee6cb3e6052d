/** What a listener accepts. Make one value per listener and kind of peer (trusted or not), once. */
import { ClusterError } from "@prunella/core/kernel";
import { ascii } from "./byte-classes.ts";
import { type KnownMethod, methodsByLength } from "./methods.ts";

export type RequestLimitsOptions = {
  /** Methods beside the known ones: case-sensitive tokens, neither CONNECT nor TRACE. */
  readonly methods?: readonly string[];
  /** Whole head with its empty line. Default 15,360: Node instances stop at 16 KiB, we add to it. */
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
  readonly methods: readonly (readonly KnownMethod[])[];
  readonly headBytesMax: number;
  readonly fieldsMax: number;
  readonly targetBytesMax: number;
  readonly refuseDotSegments: boolean;
  readonly trustPeer: boolean;
  readonly viaName: Uint8Array;
  readonly hashSeed: number;
};

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** @throws ClusterError `CONFIG_INVALID` for a method that is no token, or is CONNECT or TRACE. */
export function createRequestLimits(options: RequestLimitsOptions = {}): RequestLimits {
  const methods = options.methods ?? [];
  for (const method of methods) {
    if (token.test(method) && method !== "CONNECT" && method !== "TRACE") continue;
    throw new ClusterError("CONFIG_INVALID", {
      message: `A listener cannot take the method ${JSON.stringify(method)}: name a token other than CONNECT and TRACE.`,
      details: { field: "methods", value: method },
    });
  }
  return {
    methods: methodsByLength(methods),
    headBytesMax: options.headBytesMax ?? 15_360,
    fieldsMax: options.fieldsMax ?? 128,
    targetBytesMax: options.targetBytesMax ?? 8_192,
    refuseDotSegments: options.refuseDotSegments ?? true,
    trustPeer: options.trustPeer ?? false,
    viaName: ascii(options.viaName ?? ""),
    hashSeed: options.hashSeed ?? 0,
  };
}
