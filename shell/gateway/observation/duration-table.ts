/** The histograms of the metrics page: durations by service. Names are API. */
import type { DurationHistogram, ServiceSnapshot } from "./snapshot.ts";

export type DurationRow = {
  readonly name: string;
  readonly help: string;
  readonly read: (service: ServiceSnapshot) => DurationHistogram;
};

export const durationRows: readonly DurationRow[] = [
  {
    name: "prunella_request_duration_seconds",
    help: "From the first byte of a request to the last byte of its answer.",
    read: (service) => service.duration,
  },
  {
    name: "prunella_upstream_duration_seconds",
    help: "From the moment in which a request was sent to a member to the head of its answer.",
    read: (service) => service.upstreamDuration,
  },
];
