/** `docs/benchmarks/gateway.md`: the last recorded run, written by the run itself. */
import { fileURLToPath } from "node:url";

const folder = new URL("../../../docs/benchmarks/", import.meta.url);
export const recordPage = fileURLToPath(new URL("gateway.md", folder));
export const recordChart = fileURLToPath(new URL("gateway.svg", folder));

export function recordedPage(report: string, command: string, versions: string): string {
  return `# The gateway beside its peers

Written by \`${command}\`; do not edit. What a request costs in processor time of the proxy, as a
ratio to nginx in the same round. Compare ratios of one run, never numbers of two. Why some cells cost
more than nginx, and what was tried: [decision 8](../adr/0008-what-made-the-data-path-fast.md).

![Requests per second of processor time beside nginx](gateway.svg)

${versions}

\`\`\`text
${report}
\`\`\`
`;
}
