/** `docs/proofs.md`: the last recorded run of all proofs, written by the run itself. */
import { writeFileSync } from "node:fs";
import type { ProofResult } from "./proof.ts";

const page = new URL("../../docs/proofs.md", import.meta.url);

export type RecordedProof = ProofResult & { readonly hypothesis: string };

export function writeProofPage(
  machine: string,
  atIso: string,
  proofs: readonly RecordedProof[],
): void {
  writeFileSync(page, proofPage(machine, atIso, proofs));
}

function proofPage(machine: string, atIso: string, proofs: readonly RecordedProof[]): string {
  return `# Proofs

Written by \`npm run proof -- --record\`; do not edit. Real processes, started by the command that a
person types, killed with \`kill -9\`. Times depend on the machine and on what else it did: compare runs,
not machines. A short form of each proof runs with every \`make test\`.

Recorded ${atIso.slice(0, 10)} on ${machine}.

${proofs.map(section).join("\n")}`;
}

function section({ name, hypothesis, claims, numbers }: RecordedProof): string {
  const rows = claims.map(
    ({ text, holds, measured }) =>
      `| ${holds ? "holds" : "**fails**"} | ${text} | ${measured.trim()} |`,
  );
  const facts = Object.entries(numbers).map(
    ([key, value]) => `${key} ${Math.round(value * 10) / 10}`,
  );
  return `## ${name}

${hypothesis} Again: \`npm run proof -- ${name}\`

| | claim | measured |
|---|---|---|
${rows.join("\n")}

${facts.join(" · ")}
`;
}
