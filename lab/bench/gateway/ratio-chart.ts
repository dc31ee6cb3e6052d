/**
 * The ratios as an SVG: one small chart per case, one bar per subject, nginx as the line at 1.
 * `peers/vega-chart.ts` draws it, where vega-lite is installed.
 */
import type { Row } from "./summary.ts";

type Bar = {
  readonly case: string;
  readonly subject: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly clean: boolean;
};

export function barsOf(rows: readonly Row[]): readonly Bar[] {
  return rows.flatMap((row) => {
    const ratio = row.ratio ?? row.disturbedRatio;
    if (ratio === undefined) return [];
    return [
      {
        case: row.case,
        subject: row.subject,
        ratio: ratio.median,
        low: ratio.min,
        high: ratio.max,
        clean: row.ratio !== undefined,
      },
    ];
  });
}

/** A vega-lite specification as plain data. */
export function chartSpecification(
  rows: readonly Row[],
  ours: string,
  subtitle: readonly string[],
): object {
  const bars = barsOf(rows);
  const cases = [...new Set(bars.map((bar) => bar.case))];
  const subjects = [...new Set(bars.map(({ subject }) => subject))];
  const y = { field: "subject", type: "nominal", sort: subjects, title: null };
  const x = { type: "quantitative", title: null };
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: {
      text: "Requests per second of the proxy's processor time, nginx = 1",
      subtitle,
      anchor: "start",
      fontSize: 16,
      subtitlePadding: 6,
    },
    data: { values: bars },
    facet: { field: "case", type: "nominal", sort: cases, title: null },
    columns: 4,
    spec: {
      width: 170,
      height: { step: 17 },
      layer: [
        {
          mark: { type: "bar", tooltip: true },
          encoding: {
            y,
            x: { ...x, field: "ratio" },
            color: {
              condition: { test: `datum.subject === ${JSON.stringify(ours)}`, value: "#6b3fa0" },
              value: "#b9b3c4",
            },
            opacity: { condition: { test: "datum.clean", value: 1 }, value: 0.45 },
          },
        },
        {
          mark: { type: "rule", color: "#2b2b2b" },
          encoding: { y, x: { ...x, field: "low" }, x2: { field: "high" } },
        },
        {
          mark: { type: "rule", color: "#c0392b", strokeDash: [4, 3] },
          encoding: { x: { datum: 1 } },
        },
      ],
    },
    config: { background: "white", font: "sans-serif", view: { stroke: null } },
  };
}
