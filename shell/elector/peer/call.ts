/** What one HTTP exchange with a peer looks like to those who are not interested in sockets. */

export type Question = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
};

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
};

/** Why there is no answer. `refused`: nobody listens. `busy`: too many questions are open already. */
export type CallFailure = "refused" | "closed" | "late" | "malformed" | "busy" | "unreachable";

export type CallResult = Answer | { readonly failure: CallFailure };
