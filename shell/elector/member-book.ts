/**
 * Who the members are and where: the list that the program gave, as discovery has corrected it. A member
 * that discovery does not know any more stays if the program named it; a name server that answers with
 * half of a list must not make peers disappear.
 */
import type { DiscoveryNews } from "./discovery/discovery.ts";
import type { MemberOption } from "./options.ts";

export class MemberBook {
  readonly #self: string;
  readonly #given: readonly MemberOption[];
  #members: readonly MemberOption[];

  constructor(self: string, given: readonly MemberOption[]) {
    this.#self = self;
    this.#given = given;
    this.#members = given;
  }

  get members(): readonly MemberOption[] {
    return this.#members;
  }

  get peers(): readonly MemberOption[] {
    return this.#members.filter(({ id }) => id !== this.#self);
  }

  get own(): MemberOption | undefined {
    return this.find(this.#self);
  }

  get ownNumber(): number {
    return this.numberOf(this.#self) ?? 0;
  }

  numberOf(id: string): number | undefined {
    const member = this.find(id);
    return member === undefined ? undefined : numberOf(member);
  }

  find(id: string): MemberOption | undefined {
    return this.#members.find((member) => member.id === id);
  }

  /** The member with that number, as `/pod_id` states it. */
  findByNumber(number: number): MemberOption | undefined {
    return this.#members.find((member) => numberOf(member) === number);
  }

  /** True when the list has changed. */
  take({ members, mayVote }: Extract<DiscoveryNews, { type: "members" }>): boolean {
    const before = JSON.stringify(this.#members);
    this.#members = mayVote ? this.#asTold(members) : this.#corrected(members);
    return JSON.stringify(this.#members) !== before;
  }

  /** The source knows everything; only what the program said about a member beyond that is kept. */
  #asTold(members: readonly MemberOption[]): readonly MemberOption[] {
    const known = members.map((member) => {
      const given = this.#given.find(({ id }) => id === member.id);
      return given === undefined ? member : { ...given, ...member };
    });
    const own = this.own;
    const isListed = known.some(({ id }) => id === this.#self);
    return isListed || own === undefined ? known : [...known, own];
  }

  /** The source knows addresses: of members that were given, and of others, who only observe. */
  #corrected(members: readonly MemberOption[]): readonly MemberOption[] {
    const found = new Map(members.map((member) => [member.id, member]));
    const given = this.#given.map((member) => {
      const { host, port } = found.get(member.id) ?? member;
      return member.id === this.#self ? member : { ...member, host, port };
    });
    const others = members.filter(({ id }) => !this.#given.some((member) => member.id === id));
    return [...given, ...others.map((member) => ({ ...member, observes: true }))];
  }
}

/** What `/pod_id` answers: the given number, or the last digits of the name, or 0. */
function numberOf({ id, number }: MemberOption): number {
  return number ?? Number(/\d{1,9}$/.exec(id)?.[0] ?? 0);
}
