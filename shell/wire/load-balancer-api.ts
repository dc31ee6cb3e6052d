/**
 * The load-balancer API of the CS60002 assignment (2024), word for word: `/rep`, `/add`, `/rm`.
 *
 * This file is the pure half that the gateway and the agent share: it reads payloads and writes
 * answers. The checks run in the order below and the first one that fails answers, so a refused
 * request changes nothing. Checks 1 to 5b need no knowledge of the cluster (`parseForm`); 5c and 6
 * compare with the replicas that exist, so the agent, who knows them best, decides those.
 *
 *   1   payload at most 64 KiB, and a JSON object (of any Content-Type: curl sends a form type)
 *   2   `n` is a positive integer
 *   3   `hostnames`, when present, is a list of strings
 *   4   no more names than n (the two texts of the source)
 *   5   a: each name is well formed  b: no name twice  c: free (`/add`), or known (`/rm`)
 *   6   the count stays within its bounds
 *
 * A name is compared as the network sees it: letter case does not count, and `Server 1` is reached
 * as `server-1`. The instance's own name is accepted wherever its host name is.
 */

/** One replica as this API sees it. */
export type Replica = { readonly id: string; readonly hostname: string };

export type ReplicaSet = {
  /** In the order in which they were wanted; those that are still starting count. */
  readonly replicas: readonly Replica[];
  readonly instancesMin: number;
  /** What the service allows; `seed512InstancesMax` is the most for the source's map. */
  readonly instancesMax: number;
};

export type Call = "add" | "rm";

export type Refusal = {
  readonly ok: false;
  readonly status: 400 | 413;
  /** Starts with `<Error> `; goes into the answer as it is. */
  readonly message: string;
};

/** A payload that is right in itself. */
export type Form = {
  readonly ok: true;
  readonly n: number;
  readonly hostnames: readonly string[];
};

/** A removal that can be carried out: `named` go, and `n - named.length` others, chosen at random. */
export type Removal = {
  readonly ok: true;
  readonly n: number;
  readonly named: readonly Replica[];
};

export const payloadBytesMax = 64 * 1024;

/** 512 slots hold 56 members of 9 virtual servers each. */
export const seed512InstancesMax = 56;

const hostnameLengthMax = 63;

/** Texts of the answers that no payload check gives. */
export const controlPlaneUnreachable = "<Error> Control plane is not reachable";
export const noReplicaAvailable = "<Error> No server replica is available";

/** The one method that each path knows; any other is answered 405 with it in `Allow`. */
export const methodOf = { "/rep": "GET", "/add": "POST", "/rm": "DELETE" } as const;

/** Checks 1 to 5b: all that can be said without knowing the replicas. */
export function parseForm(call: Call, payload: Uint8Array): Form | Refusal {
  if (payload.length > payloadBytesMax) {
    return { ok: false, status: 413, message: "<Error> Payload is larger than 64 KiB" };
  }
  const fields = readObject(payload);
  if (fields === undefined) return refused("Payload is not a JSON object");
  const n = fields.get("n");
  if (!(typeof n === "number" && Number.isInteger(n) && n >= 1)) {
    return refused("'n' must be a positive integer");
  }
  const hostnames = readHostnames(fields);
  if (hostnames === undefined) return refused("'hostnames' must be a list of strings");
  if (hostnames.length > n) return refused(tooManyNames[call]);
  return checkNames(hostnames) ?? { ok: true, n, hostnames };
}

/** All checks of `POST /add`. The new replicas take `hostnames` in order, then random names. */
export function parseAdd(payload: Uint8Array, set: ReplicaSet): Form | Refusal {
  const form = parseForm("add", payload);
  if (!form.ok) return form;
  for (const name of form.hostnames) {
    if (findReplica(set.replicas, name)) return refused(`Hostname '${name}' is already in use`);
  }
  if (set.replicas.length + form.n > set.instancesMax) {
    return refused(`At most ${set.instancesMax} instances are allowed`);
  }
  return form;
}

/** All checks of `DELETE /rm`. */
export function parseRm(payload: Uint8Array, set: ReplicaSet): Removal | Refusal {
  const form = parseForm("rm", payload);
  if (!form.ok) return form;
  const named: Replica[] = [];
  for (const name of form.hostnames) {
    const replica = findReplica(set.replicas, name);
    if (replica === undefined) return refused(`Hostname '${name}' is not a replica`);
    if (named.includes(replica)) return refused(`Hostname '${name}' is given twice`);
    named.push(replica);
  }
  const removable = Math.max(0, set.replicas.length - set.instancesMin);
  if (form.n > removable) return refused(`Only ${removable} instances can be removed`);
  return { ok: true, n: form.n, named };
}

/** The replica that answers to `name`: its host name or its own name. */
export function findReplica(replicas: readonly Replica[], name: string): Replica | undefined {
  const wanted = networkName(name);
  return (
    replicas.find((replica) => networkName(replica.hostname) === wanted) ??
    replicas.find((replica) => networkName(replica.id) === wanted)
  );
}

/** The body of every answer 200. */
export function successBody(replicas: readonly Replica[]): string {
  const names = replicas.map((replica) => replica.hostname);
  return JSON.stringify({
    message: { N: names.length, replicas: names },
    status: "successful",
  });
}

/** The body of every other answer. `message` starts with `<Error> `. */
export function failureBody(message: string): string {
  return JSON.stringify({ message, status: "failure" });
}

/** What a replica's 404 becomes. `path` is without its query. */
export function unknownPath(path: string): string {
  return `<Error> '${path}' endpoint does not exist in server replicas`;
}

const tooManyNames: Readonly<Record<Call, string>> = {
  add: "Length of hostname list is more than newly added instances",
  rm: "Length of hostname list is more than removable instances",
};

/** At least one letter or digit, so that `.` and `..` can never become the name of a file. */
const hostnamePattern = /^(?=.*[A-Za-z0-9])(?! )[A-Za-z0-9._ -]+(?<! )$/;

function checkNames(hostnames: readonly string[]): Refusal | undefined {
  for (const name of hostnames) {
    if (name.length > hostnameLengthMax || !hostnamePattern.test(name)) {
      return refused(`'${name}' is not a valid hostname`);
    }
  }
  const seen = new Set<string>();
  for (const name of hostnames) {
    if (seen.has(networkName(name))) return refused(`Hostname '${name}' is given twice`);
    seen.add(networkName(name));
  }
  return undefined;
}

function networkName(hostname: string): string {
  return hostname.replaceAll(" ", "-").toLowerCase();
}

function refused(sentence: string): Refusal {
  return { ok: false, status: 400, message: `<Error> ${sentence}` };
}

/** Undefined when the payload is no JSON object. A map, so that `__proto__` is a key like others. */
function readObject(payload: Uint8Array): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return new Map(Object.entries(value));
  } catch {
    return undefined; // Not UTF-8, or not JSON: the caller is told so, and may read it there.
  }
}

/** Undefined when the field is there and is no list of strings. */
function readHostnames(fields: ReadonlyMap<string, unknown>): readonly string[] | undefined {
  const value = fields.has("hostnames") ? fields.get("hostnames") : [];
  if (!Array.isArray(value)) return undefined;
  return value.every((name) => typeof name === "string") ? value : undefined;
}
