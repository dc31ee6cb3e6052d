/**
 * The cases of the gateway bench, as data. Each says in its name what it asks of a proxy; all requests
 * carry a query `id` that the proxies hash, drawn from `keyCount` values.
 */
export const keyCount = 1_024;

/** What the backend offers; see `backend-config.ts`. */
export const paths = {
  small: "/small",
  empty: "/empty",
  chunked: "/chunked",
  take: "/take",
  probe: "/probe",
} as const;

const kib = 1_024;
export const fileSizes = [kib, 16 * kib, 1_024 * kib] as const;

function filePath(bytes: number): string {
  return `/file-${bytes}`;
}

export type LoadShape = {
  readonly connections: number;
  readonly path: string;
  readonly head?: "small" | "browser";
  /** A request body of that many bytes, sent with POST. */
  readonly bodyBytes?: number;
  /** A new connection for each request. */
  readonly closes?: boolean;
};

export type BenchCase = {
  readonly name: string;
  readonly what: string;
  readonly backends: 5 | 50;
  /** `closed`: as fast as answers come. `paced`: at a share of the slowest subject's capacity. */
  readonly load:
    | ({ readonly kind: "closed" } & LoadShape)
    | ({ readonly kind: "paced"; readonly share: number } & LoadShape)
    | { readonly kind: "idle"; readonly connections: number };
  /** Two workers of ours run here too. */
  readonly doubles?: boolean;
};

/** A waiting connection sends nothing, so there must be many more than are ever in flight. */
const pacedConnections = 256;

function closed(name: string, what: string, shape: LoadShape, backends: 5 | 50 = 5): BenchCase {
  return { name, what, backends, load: { kind: "closed", ...shape } };
}

function bodyCases(): readonly BenchCase[] {
  const labels = ["1k", "16k", "1m"];
  const each = fileSizes.map((bytes, index) => ({ bytes, label: labels[index] ?? `${bytes}` }));
  const connections = 64;
  return [
    closed("down-0", "answers without a body", { connections, path: paths.empty }),
    ...each.map(({ bytes, label }) =>
      closed(`down-${label}`, `answers of ${label}iB`, { connections, path: filePath(bytes) }),
    ),
    ...each.map(({ bytes, label }) =>
      closed(`up-${label}`, `POST of ${label}iB`, {
        connections,
        path: paths.take,
        bodyBytes: bytes,
      }),
    ),
  ];
}

/** The case by which capacities are known before the paced ones begin. */
export const mainCase = "get-64";

export const benchCases: readonly BenchCase[] = [
  closed("get-1", "small GET, 1 connection", { connections: 1, path: paths.small }),
  closed(mainCase, "small GET, 64 connections", { connections: 64, path: paths.small }),
  closed("get-512", "small GET, 512 connections", { connections: 512, path: paths.small }),
  closed("browser", "a browser's head of 610 bytes, 64 connections", {
    connections: 64,
    path: paths.small,
    head: "browser",
  }),
  ...bodyCases(),
  closed("churn", "a new connection per request", {
    connections: 64,
    path: paths.small,
    closes: true,
  }),
  closed("chunked", "chunked answers of 8 KiB", { connections: 64, path: paths.chunked }),
  closed("backends-50", "50 backends", { connections: 64, path: paths.small }, 50),
  {
    ...closed("workers-2", "two workers of ours beside one", {
      connections: 64,
      path: paths.small,
    }),
    doubles: true,
  },
  ...[0.7, 0.3].map(
    (share): BenchCase => ({
      name: `paced-${share * 100}`,
      what: `open loop at ${share * 100} % of the slowest one's capacity`,
      backends: 5,
      load: { kind: "paced", share, connections: pacedConnections, path: paths.small },
    }),
  ),
  {
    name: "idle-10k",
    what: "memory of 10,000 idle connections",
    backends: 5,
    load: { kind: "idle", connections: 10_000 },
  },
];
