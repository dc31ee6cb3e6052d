/**
 * How all charts look: one typeface, few lines, and colours that still differ in grey.
 *
 * Every colour has a partner for dark pages; `render.ts` puts the exchange into the SVG as a style
 * sheet. So specs use the colours of this file and no others, or a colour stays as it is in the
 * dark. The background is painted: a chart keeps its contrast on a page whose colour it cannot know.
 */

type Shade = { readonly light: string; readonly dark: string };

const shades = {
  paper: { light: "#ffffff", dark: "#0d1117" },
  ink: { light: "#1f2328", dark: "#e6edf3" },
  quiet: { light: "#59636e", dark: "#9198a1" },
  line: { light: "#d1d9e0", dark: "#3d444d" },
  blue: { light: "#124b7c", dark: "#4593e0" },
  orange: { light: "#e07b39", dark: "#ffb77a" },
  green: { light: "#2f8f6a", dark: "#63cfa4" },
  violet: { light: "#7a5bb5", dark: "#b79cf0" },
  sand: { light: "#dcb35c", dark: "#e8d3a0" },
  slate: { light: "#7d8894", dark: "#7c8794" },
} as const satisfies Record<string, Shade>;

export type Colour = keyof typeof shades;

/** The colour as a spec writes it. */
export const colours: Readonly<Record<Colour, string>> = Object.fromEntries(
  Object.entries(shades).map(([name, { light }]) => [name, light]),
) as Record<Colour, string>;

/** In this order for series without a meaning of their own: neighbours differ most in grey. */
const seriesColours: readonly string[] = [
  colours.blue,
  colours.orange,
  colours.green,
  colours.sand,
  colours.violet,
  colours.slate,
];

const typeface = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

const titles = { titleColor: colours.ink, titleFontSize: 12, titleFontWeight: 600 } as const;
const labels = { labelColor: colours.quiet, labelFontSize: 12 } as const;

/** The `config` of every Vega-Lite spec. */
export const chartConfig = {
  background: colours.paper,
  font: typeface,
  padding: 14,
  view: { stroke: null },
  title: {
    color: colours.ink,
    fontSize: 15,
    fontWeight: 600,
    anchor: "start",
    offset: 12,
    subtitleColor: colours.quiet,
    subtitleFontSize: 12,
    subtitlePadding: 5,
  },
  axis: {
    ...titles,
    ...labels,
    gridColor: colours.line,
    domainColor: colours.quiet,
    tickColor: colours.quiet,
    titlePadding: 9,
    labelLimit: 260,
  },
  axisX: { grid: false, labelAngle: 0 },
  axisY: { domain: false, ticks: false, labelPadding: 6 },
  legend: { ...titles, ...labels, titleFontSize: 12, symbolSize: 110, labelLimit: 300 },
  header: { ...titles, ...labels, titleFontSize: 13, labelFontSize: 13, labelFontWeight: 600 },
  text: { color: colours.ink, fontSize: 12 },
  bar: { color: colours.blue },
  line: { strokeWidth: 2.5 },
  point: { size: 70, filled: true, opacity: 1 },
  rule: { color: colours.quiet },
  range: { category: seriesColours },
} as const;

/** The style sheet that repaints an SVG where the reader prefers dark pages. */
export function darkStyle(): string {
  const rules = Object.values(shades).flatMap(({ light, dark }) => [
    `[fill="${light}"]{fill:${dark}}`,
    `[stroke="${light}"]{stroke:${dark}}`,
  ]);
  return `<style>@media (prefers-color-scheme: dark){${rules.join("")}}</style>`;
}
