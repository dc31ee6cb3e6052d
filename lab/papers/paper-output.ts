/** What every paper does with what it found: progress on stderr, a report with its charts, claims on stdout. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Claim } from "../chaos/proof.ts";
import { type ChartSpec, renderChart } from "../charts/render.ts";

export type Say = (line: string) => void;

export type NamedChart = { readonly file: string; readonly spec: ChartSpec };

export type Paper = {
  readonly name: string;
  readonly text: string;
  readonly charts: readonly NamedChart[];
};

/** Tells each line with the seconds since now. */
export function progress(isQuiet: boolean): Say {
  const startedMs = performance.now();
  return (line) => {
    if (isQuiet) return;
    const seconds = Math.round((performance.now() - startedMs) / 1_000);
    process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`);
  };
}

export async function writePaper(paper: Paper, folder: string, say: Say): Promise<void> {
  say("drawing the charts");
  mkdirSync(folder, { recursive: true });
  for (const { file, spec } of paper.charts) {
    writeFileSync(join(folder, file), await renderChart(spec));
  }
  const path = join(folder, `${paper.name}.md`);
  writeFileSync(path, paper.text);
  say(`report: ${relative(process.cwd(), path)}`);
}

/** @returns True when every claim holds. */
export function printFindings(
  findings: unknown,
  claims: readonly Claim[],
  json: string | undefined,
): boolean {
  const text = `${JSON.stringify(findings, undefined, 2)}\n`;
  if (json === "-") process.stdout.write(text);
  else {
    if (json !== undefined) writeFileSync(json, text);
    for (const { holds, text: what, measured } of claims) {
      process.stdout.write(`${holds ? "holds" : "FAILS"}  ${what}: ${measured}\n`);
    }
  }
  return claims.every(({ holds }) => holds);
}
