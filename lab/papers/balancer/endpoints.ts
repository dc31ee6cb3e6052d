/**
 * Experiment A-3, first part: every endpoint of the source with its sample payloads, on a real
 * cluster, in an order in which each answer is determined.
 */
import { type ApiAnswer, call, startSourceCluster } from "./source-cluster.ts";

export type EndpointResult = {
  /** As one would type it after `curl`. */
  readonly request: string;
  readonly wanted: string;
  readonly status: number;
  readonly body: string;
  readonly holds: boolean;
};

type Check = {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly payload?: unknown;
  readonly wanted: string;
  readonly holds: (answer: ApiAnswer) => boolean;
};

const four = ["S5", "S4", "S10", "S11"];
const three = ["Server 1", "Server 2", "Server 3"];

const checks: readonly Check[] = [
  {
    method: "GET",
    path: "/home",
    wanted: "200, the greeting of one server",
    holds: ({ status, body }) =>
      status === 200 &&
      /^\{"message":"Hello from Server: Server [123]","status":"successful"\}$/.test(body),
  },
  {
    method: "GET",
    path: "/heartbeat",
    wanted: "200, empty",
    holds: ({ status, body }) => status === 200 && body === "",
  },
  { method: "GET", path: "/rep", wanted: "200, N = 3 and the names", holds: isSet(three) },
  {
    method: "POST",
    path: "/add",
    payload: { n: 4, hostnames: four },
    wanted: "200, N = 7, the new names at the end",
    holds: isSet([...three, ...four]),
  },
  {
    method: "POST",
    path: "/add",
    payload: { n: 2, hostnames: four },
    wanted: "400, more names than instances",
    holds: isFailure("Length of hostname list is more than newly added instances"),
  },
  {
    method: "DELETE",
    path: "/rm",
    payload: { n: 2, hostnames: four },
    wanted: "400, more names than instances",
    holds: isFailure("Length of hostname list is more than removable instances"),
  },
  {
    method: "DELETE",
    path: "/rm",
    payload: { n: 3, hostnames: ["S5", "S4"] },
    wanted: "200, N = 4: both named and a random third are gone",
    holds: (answer) => {
      const replicas = replicasOf(answer);
      return replicas?.length === 4 && !replicas.includes("S5") && !replicas.includes("S4");
    },
  },
  {
    method: "GET",
    path: "/other",
    wanted: "400, no such endpoint",
    holds: isFailure("'/other' endpoint does not exist in server replicas"),
  },
];

export async function exerciseEndpoints(
  say: (line: string) => void,
): Promise<readonly EndpointResult[]> {
  say("A-3: every endpoint, on a cluster of 3");
  await using cluster = await startSourceCluster("seed-512", 3);
  const results: EndpointResult[] = [];
  for (const { method, path, payload, wanted, holds } of checks) {
    const answer = await call(cluster, method, path, payload);
    const text = payload === undefined ? "" : ` ${JSON.stringify(payload)}`;
    results.push({ request: `${method} ${path}${text}`, wanted, ...answer, holds: holds(answer) });
  }
  return results;
}

function isSet(names: readonly string[]): Check["holds"] {
  const message = { N: names.length, replicas: names };
  return ({ status, body }) =>
    status === 200 && body === JSON.stringify({ message, status: "successful" });
}

function isFailure(text: string): Check["holds"] {
  return ({ status, body }) =>
    status === 400 && body === JSON.stringify({ message: `<Error> ${text}`, status: "failure" });
}

function replicasOf({ status, body }: ApiAnswer): readonly string[] | undefined {
  const replicas: unknown = status === 200 ? JSON.parse(body)?.message?.replicas : undefined;
  return Array.isArray(replicas) ? replicas.map(String) : undefined;
}
