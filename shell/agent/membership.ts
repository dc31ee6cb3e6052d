/**
 * Which instances are wanted, and under which names. Pure: the agent persists the answer before it
 * acts, so a crash in the middle of `scale` loses no wish.
 *
 * A member has a `name` (stable, also a file name and a host name), a `number` (its place in the
 * source's map: the lowest free one) and a `hostname` (what the load-balancer API shows). The two
 * names differ in compatibility mode only: there the first members are called `Server 1` and so on,
 * and a copy that replaces a dead one gets a new random hostname while name and number stay.
 */
import { ClusterError, isName } from "@prunella/core/kernel";
import { findReplica, type Replica } from "@prunella/wire/load-balancer-api";

export type Member = {
  readonly name: string;
  readonly number: number;
  readonly hostname: string;
};

export type Members = Readonly<Record<string, readonly Member[]>>;

/** What may be chosen about new members, and who chooses. */
export type Naming = {
  readonly service: string;
  readonly compat: boolean;
  /** Names of all members of all services: an instance name is unique in its cluster. */
  readonly taken: ReadonlySet<string>;
};

/** Draws an integer in [0, below). */
export type Draw = (below: number) => number;

/** Adds `count` members under their ordinary names. */
export function grown(
  members: readonly Member[],
  count: number,
  naming: Naming,
): readonly Member[] {
  const next = [...members];
  const taken = new Set(naming.taken);
  for (let added = 0; added < count; added++) {
    const member = ordinary(lowestFree(next), naming, taken);
    next.push(member);
    taken.add(member.name).add(member.hostname);
  }
  return next;
}

/** Removes `count` members: the ones that were wanted last. */
export function shrunk(members: readonly Member[], count: number): readonly Member[] {
  return members.slice(0, Math.max(0, members.length - count));
}

/**
 * Adds members under the given host names, then under random ones until `count` were added.
 *
 * @throws ClusterError `HOSTNAME_REFUSED` when a name is in use in another service, or is none.
 */
export function added(
  members: readonly Member[],
  count: number,
  hostnames: readonly string[],
  naming: Naming,
  draw: Draw,
): readonly Member[] {
  const next = [...members];
  const taken = new Set(naming.taken);
  for (let index = 0; index < count; index++) {
    const hostname = hostnames[index] ?? randomHostname(taken, draw);
    const name = nameOf(hostname);
    if (!isName(name)) throw refused(hostname, "is not a valid hostname");
    if (reservedName.test(name)) throw refused(hostname, "belongs to Prunella itself");
    if (taken.has(name) || taken.has(hostname)) throw refused(hostname, "is already in use");
    next.push({ name, number: lowestFree(next), hostname });
    taken.add(name).add(hostname);
  }
  return next;
}

/** Removes the given members and random others, `count` in all. */
export function removed(
  members: readonly Member[],
  count: number,
  names: readonly string[],
  draw: Draw,
): readonly Member[] {
  const victims = new Set(members.filter((member) => names.includes(member.name)));
  const others = members.filter((member) => !victims.has(member));
  while (victims.size < count && others.length > 0) {
    const [victim] = others.splice(draw(others.length), 1);
    if (victim !== undefined) victims.add(victim);
  }
  return members.filter((member) => !victims.has(member));
}

/** Gives one member a new random hostname: its copy died and another one takes its place. */
export function renamed(
  members: readonly Member[],
  name: string,
  taken: ReadonlySet<string>,
  draw: Draw,
): readonly Member[] {
  const hostname = randomHostname(taken, draw);
  return members.map((member) => (member.name === name ? { ...member, hostname } : member));
}

/** Finds a member as the load-balancer API does: by host name or instance name, in any case. */
export function find(members: readonly Member[], text: string): Member | undefined {
  const found = findReplica(asReplicas(members), text);
  return members.find((member) => member.name === found?.id);
}

/** Members as the load-balancer API sees them. */
export function asReplicas(members: readonly Member[]): readonly Replica[] {
  return members.map((member) => ({ id: member.name, hostname: member.hostname }));
}

/** The form of a host name that a network and a file system accept: `Server 1` -> `server-1`. */
function nameOf(hostname: string): string {
  return hostname.includes(" ") ? hostname.toLowerCase().replaceAll(" ", "-") : hostname;
}

/** Every name that no new member may take. */
export function takenNames(members: Members): ReadonlySet<string> {
  const all = Object.values(members).flat();
  return new Set(all.flatMap((member) => [member.name, member.hostname, nameOf(member.hostname)]));
}

function ordinary(number: number, naming: Naming, taken: ReadonlySet<string>): Member {
  const hostname = naming.compat ? `Server ${number}` : `${naming.service}-${number}`;
  const name = nameOf(hostname);
  if (!taken.has(name) && !taken.has(hostname)) return { name, number, hostname };
  const fallback = `${naming.service}-${number}`;
  if (!taken.has(fallback)) return { name: fallback, number, hostname: fallback };
  // Somebody was added under this very name by hand; a suffix keeps both.
  let suffix = 2;
  while (taken.has(`${fallback}-${suffix}`)) suffix += 1;
  return { name: `${fallback}-${suffix}`, number, hostname: `${fallback}-${suffix}` };
}

function lowestFree(members: readonly Member[]): number {
  const used = new Set(members.map((member) => member.number));
  let number = 1;
  while (used.has(number)) number += 1;
  return number;
}

/** Names of our own processes, whether or not they run right now. */
const reservedName = /^(agent|gateway(-\d+)?)$/i;

const qualities =
  "amber brave calm clear deft early fair gentle keen lively mild noble quick steady warm wise";
const plants =
  "alder aster birch briar clover fern hazel iris laurel maple mint moss rowan sage thyme willow";

/** A name such as `calm-fern-4821`. Of 2.3 million, so a few draws always find a free one. */
function randomHostname(taken: ReadonlySet<string>, draw: Draw): string {
  for (;;) {
    const quality = pick(qualities.split(" "), draw);
    const plant = pick(plants.split(" "), draw);
    const hostname = `${quality}-${plant}-${1000 + draw(9000)}`;
    if (!taken.has(hostname)) return hostname;
  }
}

function pick(words: readonly string[], draw: Draw): string {
  return words[draw(words.length)] ?? "fern";
}

function refused(hostname: string, why: string): ClusterError {
  return new ClusterError("HOSTNAME_REFUSED", {
    message: `Hostname '${hostname}' ${why}`,
    details: { hostname },
  });
}
