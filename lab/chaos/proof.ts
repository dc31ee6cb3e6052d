/**
 * A proof: a scenario with its hypothesis, run against real processes and recorded. It passes when
 * every claim holds; a number that is only reported is no claim.
 */
export type Claim = {
  readonly text: string;
  readonly holds: boolean;
  readonly measured: string;
};

export type ProofResult = {
  readonly name: string;
  readonly claims: readonly Claim[];
  readonly numbers: Readonly<Record<string, number>>;
};

export type ProofOptions = {
  /** How often the fault is injected. */
  readonly times: number;
  /** Requests per second of the open-loop sender. */
  readonly rate: number;
  readonly say: (line: string) => void;
};

export type Proof = {
  readonly name: string;
  readonly hypothesis: string;
  readonly defaults: { readonly times: number; readonly rate: number };
  readonly run: (options: ProofOptions) => Promise<ProofResult>;
};

export function claim(text: string, holds: boolean, measured: number | string): Claim {
  return { text, holds, measured: `${measured}` };
}
