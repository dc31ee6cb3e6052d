/** Rules of doctor about the election of a leader. */
import type { ElectionSpec } from "./cluster-spec.ts";
import type { Remark, RuleInput, ServiceRule, Severity } from "./doctor.ts";

export const electionRules: readonly ServiceRule[] = [
  {
    id: "voters-even",
    find: electionRule("count", "info", ({ mode }, { count }) => {
      if (mode !== "quorum" || count % 2 === 1) return undefined;
      const lost = count / 2 - 1;
      return {
        message: `is ${count}: an even number of voters`,
        why: `A majority of ${count} is ${count / 2 + 1}, so ${lost} may be lost, as with ${count - 1}.`,
        fix: `write count: ${count - 1}, or ${count + 1} to survive the loss of ${lost + 1}`,
      };
    }),
  },
  {
    id: "leaders-overlap",
    find: electionRule("mode", "warning", ({ mode }) => {
      if (mode !== "available") return undefined;
      return {
        message: 'is "available", so two instances may lead at once',
        why: "Each side of a partition elects a leader; both act until they meet again.",
        fix: "let every resource refuse a lower fence, or write count: 3 and leave mode out",
      };
    }),
  },
  {
    id: "silence-short",
    find: electionRule("timing", "warning", ({ timing }) => {
      if (timing !== "demo") return undefined;
      return {
        message: 'is "demo": a leader that is silent for 150 ms is replaced',
        why: "A busy machine, or one garbage collection, looks like a dead leader then.",
        fix: 'leave timing out ("lan": 600 ms); a killed leader is replaced just as fast',
      };
    }),
  },
  {
    id: "refused-is-death",
    find: electionRule("leaseBreak", "warning", ({ leaseBreak }) => {
      if (leaseBreak !== "refused") return undefined;
      return {
        message: 'is "refused", so a refused connection counts as the death of the leader',
        why: "A firewall that rejects, or a listener that was closed, looks the same; the old leader may live.",
        fix: 'leave leaseBreak out ("proof"): on this machine Prunella sees every process end',
      };
    }),
  },
  {
    id: "leader-moves",
    find: electionRule("preempt", "info", ({ preempt }) => {
      if (preempt !== "always") return undefined;
      return {
        message: 'is "always", so the lead moves whenever a higher member comes back',
        why: "A member that crashes again and again takes the lead each time.",
        fix: 'leave preempt out ("never"), or write "after-stable"',
      };
    }),
  },
];

type Texts = Pick<Remark, "message" | "why" | "fix">;

function electionRule(
  field: string,
  severity: Severity,
  texts: (election: ElectionSpec, service: RuleInput["service"]) => Texts | undefined,
): ServiceRule["find"] {
  return ({ name, service }) => {
    const found = service.kind === "elected" ? texts(service.election, service) : undefined;
    return found === undefined ? [] : [{ path: ["services", name, field], severity, ...found }];
  };
}
