/** Do the members of a run agree? L1 and L2: one leader, and everybody knows it. */
import { leadership, type State } from "@prunella/core/election";
import type { World } from "../world.ts";

export type Agreement =
  | { readonly is: "agreed"; readonly leader: string }
  | { readonly is: "broken"; readonly promise: "L1" | "L2"; readonly sentence: string }
  /** Voters without memory that restarted together: safe, and out of service for good. */
  | { readonly is: "stuck" };

export function agreementOf(
  world: Pick<World<State, unknown, unknown>, "nodes" | "stateOf" | "localMs">,
): Agreement {
  const nodes = Array.from({ length: world.nodes }, (_, node) => node);
  const states = nodes.flatMap((node) => world.stateOf(node) ?? []);
  if (states.some(({ role }) => role.at === "recovering")) return { is: "stuck" };
  const leaders = nodes.flatMap((node) => {
    const state = world.stateOf(node);
    const held = state && leadership(state, world.localMs(node));
    return state && held ? [{ member: state.config.self, term: held.term }] : [];
  });
  const [leader] = leaders;
  if (leader === undefined || leaders.length > 1) {
    const sentence = `${leaders.length} leaders: ${leaders.map(({ member }) => member).join(", ")}`;
    return { is: "broken", promise: "L1", sentence };
  }
  for (const { config, role, bond } of states) {
    if (config.self === leader.member) continue;
    const isAgreed = bond?.isAnnounced === true && bond.member === leader.member;
    if (role.at === "follower" && isAgreed && bond.term === leader.term) continue;
    const sentence = `${config.self} is a ${role.at} of ${bond?.member} in ${bond?.term}`;
    return { is: "broken", promise: "L2", sentence };
  }
  return { is: "agreed", leader: `${leader.member} in term ${leader.term}` };
}
