/**
 * Whether a view that the agent pushed may replace the one in force. Pure.
 *
 *   G11  Views are applied in increasing order of `(agentTerm, version)`, across restarts too.
 *
 * A second rule protects traffic from an agent that is mistaken rather than old: a service may not
 * lose its last serving member without a word. A member has its word when the new view shows what
 * became of it: it drains, leaves or is detached, it is a newer incarnation, or it has no address
 * any more because its process is gone. A member that silently vanished, or that is suddenly not
 * serving although it is the same process at the same address, has none; most likely the agent lost
 * its memory or its probes all fail at once. Such a view is refused unless it says `allowEmpty`.
 * A whole service that is gone from the view was taken out of the cluster file, which is a word.
 */
import { ClusterError, type ServiceName } from "@prunella/core/kernel";
import { isNewer, type MemberView, type ServiceView, type View } from "@prunella/wire/view";

export type Verdict =
  | { readonly type: "apply" }
  | { readonly type: "known" } // The view in force is this one: nothing to do, nothing wrong.
  | { readonly type: "refuse"; readonly error: ClusterError };

export function judgeView(
  next: View,
  current: View | undefined,
  rules: { readonly cluster: string; readonly allowEmpty: boolean },
): Verdict {
  if (next.cluster !== rules.cluster) {
    return refuse(
      "REQUEST_INVALID",
      `The view belongs to cluster "${next.cluster}" and this gateway to "${rules.cluster}". ` +
        "Push it to a gateway of its own cluster.",
    );
  }
  if (current === undefined) return { type: "apply" };
  if (next.agentTerm === current.agentTerm && next.version === current.version) {
    return { type: "known" };
  }
  if (!isNewer(next, current)) {
    return refuse(
      "VIEW_STALE",
      `View ${place(next)} is older than ${place(current)}, which this gateway has. ` +
        "Publish a view with a higher version, or let the newer agent do it.",
    );
  }
  const emptied = rules.allowEmpty ? [] : emptiedServices(current, next);
  if (emptied.length > 0) {
    return refuse(
      "VIEW_EMPTYING",
      `View ${place(next)} leaves ${emptied.join(", ")} without a serving member and does not say ` +
        "what became of those that served. Push it with allowEmpty=true if that is meant.",
    );
  }
  return { type: "apply" };
}

/** Services that `next` silently robs of all members that serve in `current`. */
function emptiedServices(current: View, next: View): readonly ServiceName[] {
  return next.services
    .filter((service) => {
      const before = current.services.find((candidate) => candidate.name === service.name);
      return before !== undefined && isEmptied(before, service);
    })
    .map((service) => service.name);
}

function isEmptied(before: ServiceView, after: ServiceView): boolean {
  if (after.members.some((member) => member.state === "serving")) return false;
  return before.members.some((member) => {
    if (member.state !== "serving") return false;
    const now = after.members.find((candidate) => candidate.id === member.id);
    return now === undefined || isSameProcess(member, now);
  });
}

function isSameProcess(before: MemberView, now: MemberView): boolean {
  return (
    now.state === "starting" &&
    now.incarnation === before.incarnation &&
    now.host === before.host &&
    now.port === before.port
  );
}

function place(view: View): string {
  return `${view.agentTerm}.${view.version}`;
}

function refuse(code: "REQUEST_INVALID" | "VIEW_STALE" | "VIEW_EMPTYING", message: string) {
  return { type: "refuse", error: new ClusterError(code, { message }) } as const;
}
