/** What the choice of a member reads of a request, and notes in it. An exchange is one. */
import type { DivertedLabel } from "../observation/service-counters.ts";
import type { Member } from "./member.ts";

export interface RoutedRequest {
  /** 32 bits from the routing key. */
  readonly hash: number;
  /** The source's request id, for `seed-512`. */
  readonly requestNumber: number;
  /** Why it does not go home. */
  diverted: DivertedLabel | undefined;
  hasTried(member: Member): boolean;
  clearTried(): void;

  // Leader routes only.
  /** It needs a leader of that term, or a later one. */
  readonly termMin: number;
  /** Without news of a leader, followers are asked from then on; 0 until it waits. */
  askFollowersAtMs: number;
  /** It goes to somebody who may pass it to a leader that we do not know. */
  asksFollower: boolean;
}
