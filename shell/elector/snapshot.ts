/** What a member tells everybody about itself, put together from the machine's state. */
import type { ElectionConfig, State } from "@prunella/core/election";
import type { CurrentLeader } from "./election.ts";
import type { MemberOption } from "./options.ts";
import type { Snapshot } from "./peer/public-reads.ts";
import { printAddress } from "./peer/web-address.ts";

type Parts = {
  readonly id: string;
  readonly number: number;
  readonly config: ElectionConfig;
  readonly state: State;
  readonly isLeading: boolean;
  readonly current: CurrentLeader | undefined;
  readonly members: readonly MemberOption[];
  readonly isHeard: (id: string) => boolean;
  readonly isConnected: (id: string) => boolean;
  readonly loopDelayP99Ms: number;
};

export function snapshotOf(parts: Parts): Snapshot {
  const { id, number, config, state, isLeading, current, loopDelayP99Ms } = parts;
  const votes = new Set<string>(state.record.voters.members.map((member) => member.id));
  return {
    id,
    number,
    priority: parts.members.find((member) => member.id === id)?.priority ?? 0,
    boot: config.boot,
    mode: config.mode,
    role: state.role.at,
    isLeading,
    isElecting: !["follower", "leader", "recovering"].includes(state.role.at),
    term: Math.max(state.record.promised, current?.term ?? 0),
    leader: current === undefined ? undefined : leaderOf(current),
    members: parts.members.map((member) => ({
      id: member.id,
      votes: votes.has(member.id),
      heard: parts.isHeard(member.id),
      connected: parts.isConnected(member.id),
    })),
    loopDelayP99Ms,
  };
}

function leaderOf({ member, boot, term, web }: CurrentLeader): Snapshot["leader"] {
  return { id: member, boot, term, web: web === undefined ? null : printAddress(web) };
}
