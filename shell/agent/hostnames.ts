/**
 * Host names of the compatibility mode. The source gives a server that replaces a dead one a new
 * random host name; name, number and place in the list stay, so that people and the map can follow.
 * A copy that was ended on purpose, or that never came up, is no dead server: its name stays.
 */
import { randomInt } from "node:crypto";
import type { InstanceFact } from "@prunella/runtime";
import { type ClusterState, membersOf, withFormerHostname, withService } from "./cluster-state.ts";
import { find, renamed, takenNames } from "./membership.ts";

export type Renaming = {
  readonly service: string;
  readonly instance: string;
  readonly before: string;
  readonly after: string;
};

export class Hostnames {
  readonly #died = new Set<string>();
  readonly #changed: (next: ClusterState, renaming: Renaming) => void;

  /** @param changed - Takes the state in which a member has a new name; must not throw. */
  constructor(changed: (next: ClusterState, renaming: Renaming) => void) {
    this.#changed = changed;
  }

  heard({ type, instance, data }: InstanceFact): void {
    if (instance === undefined) return;
    if (type === "removed") this.#died.delete(instance);
    if (type === "exited" && data["expected"] !== true) this.#died.add(instance);
  }

  /** The name that the next copy of this member gets. Called once for each launch. */
  nameFor(state: ClusterState, service: string, name: string): string {
    const members = membersOf(state, service);
    const member = find(members, name);
    const hasDied = this.#died.delete(name);
    if (member === undefined || state.spec?.services[service]?.compat === undefined) return name;
    if (!hasDied) return member.hostname;
    const draw = (below: number): number => randomInt(below);
    const next = renamed(members, name, takenNames(state.members), draw);
    const after = find(next, name)?.hostname ?? name;
    this.#changed(withService(withFormerHostname(state, member.hostname, name), service, next), {
      service,
      instance: name,
      before: member.hostname,
      after,
    });
    return after;
  }
}
