/**
 * What a gateway tells the agent of the members that it asks: what only shows in traffic. The agent
 * fetches pages of it, writes them down, and passes them on to people.
 */
import { z } from "zod";

const trouble = z.object({
  /** Grows by one within a gateway process. */
  id: z.number().int().positive(),
  at: z.string(), // ISO 8601
  type: z.string(), // `framing-fault`, `ejected`, `fail-open`, `term-conflict`, ...; see `DataPathFact`.
  service: z.string(),
  /** Null when it concerns the whole service. */
  member: z.string().nullable(),
  incarnation: z.number().int().nullable(),
  message: z.string(),
});
export type Trouble = Readonly<z.infer<typeof trouble>>;

export const troublePage = z.object({
  troubles: z.array(trouble),
  /** How many were left out since the last page, because nobody asked for long. */
  missed: z.number().int().nonnegative(),
});
export type TroublePage = {
  readonly troubles: readonly Trouble[];
  readonly missed: number;
};
