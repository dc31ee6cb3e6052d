/** What a person or the agent may ask of a member: to lead, or to stop leading. The machine does the rest. */
import type { Event } from "@prunella/core/election";
import { instanceName } from "@prunella/core/kernel";
import type { Unstamped } from "@prunella/driver";
import type { OperatorCall, Reply } from "./peer/election-server.ts";

/** `term` is the term that this member leads now. */
export function operate(
  call: OperatorCall,
  term: number | undefined,
  tell: (event: Unstamped<Event>) => void,
): Reply {
  if (call.type === "promote") {
    tell({ type: "promote-asked" });
    return { status: 202, body: { accepted: true } };
  }
  if (term === undefined) {
    return {
      status: 409,
      body: { error: { code: "NOT_LEADER", message: "This member does not lead." } },
    };
  }
  const to = call.to === undefined ? undefined : instanceName(call.to);
  tell({ type: "resign-asked", to, drainMs: call.drainMs });
  return { status: 202, body: { accepted: true, term } };
}
