/**
 * Writes `docs/reference/metrics.md` from the tables in the code, so that the page cannot lie.
 * `node -C @prunella/source scripts/metrics-reference.ts` writes it; a test compares.
 */
import { writeFileSync } from "node:fs";
import { durationRows } from "../shell/gateway/observation/duration-table.ts";
import { metricRows } from "../shell/gateway/observation/metrics-table.ts";

export const metricsPage = new URL("../docs/reference/metrics.md", import.meta.url);

export function metricsReference(): string {
  const durations = durationRows.map(
    ({ name, help }) => `| \`${name}\` | histogram | \`service\` | ${help} |`,
  );
  const rows = metricRows.map(({ name, type, labels, help }) => {
    const named = labels.map((label) => `\`${label}\``).join(", ");
    return `| \`${name}\` | ${type} | ${named} | ${help} |`;
  });
  return `# Metrics

Generated from \`metrics-table.ts\` and \`duration-table.ts\` of the gateway; do not edit.

\`GET /metrics\` of a gateway's admin listener says what that process did; \`GET /v1/metrics\` of the
[control API](control-api.md) sums all gateways of the cluster. Labels never hold a path, a request id or
an address, so the number of series depends on the cluster file and not on the traffic.

| name | type | labels | meaning |
|---|---|---|---|
${[...durations, ...rows].join("\n")}
`;
}

if (import.meta.main) writeFileSync(metricsPage, metricsReference());
