/**
 * Endpoints that the gateway answers itself, on the listener of the clients: the load-balancer API
 * of services in compatibility mode. The data path only recognises the paths, collects the body
 * and writes the answer; what to say is decided by whoever implements `LocalEndpoints`.
 */
import type { ServiceView } from "@prunella/wire/view";

export type LocalRequest = {
  readonly service: ServiceView;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Whole, at most `localBodyBytesMax`; undefined when the client sent more than that. */
  readonly body: Uint8Array | undefined;
};

export type LocalAnswer = {
  readonly status: number;
  /** Additional fields, for example `["Allow", "GET"]`. Length, type and date are added. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly contentType?: string;
  readonly body: string;
};

export type LocalEndpoints = {
  /** Exact paths, compared byte by byte, without query: `["/rep", "/add", "/rm"]`. */
  readonly paths: readonly string[];
  /** A rejection is answered 500; answers should come within 15 s, later ones are dropped. */
  answer(request: LocalRequest): Promise<LocalAnswer>;
  /** A replica answered 404 to GET or HEAD of `path` (without query). Undefined passes it on. */
  notFound(service: ServiceView, path: string): LocalAnswer | undefined;
  /** No member could serve (all waiting was in vain). Undefined keeps the gateway's own 503. */
  unavailable(service: ServiceView): LocalAnswer | undefined;
};
