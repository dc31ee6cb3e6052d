/**
 * From a Vega-Lite spec to the text of an SVG.
 *
 * Vega and Vega-Lite are heavy and only charts need them, so they stand in a package of their own
 * outside the workspaces (`package.json` beside this file) that `installCharts` installs when the
 * first chart is wanted. They are imported by path at that moment: whoever imports this file pays
 * for nothing, and the type checker needs no installation.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chartConfig, darkStyle } from "./chart-theme.ts";

/** A Vega-Lite specification without `config` and `$schema`. */
export type ChartSpec = { readonly [field: string]: unknown };

/** The small part of the two libraries that is used here. */
type VegaLite = { readonly compile: (spec: ChartSpec) => { readonly spec: unknown } };
type Vega = {
  readonly parse: (spec: unknown) => unknown;
  readonly View: new (
    runtime: unknown,
    options: { readonly renderer: "none" },
  ) => { toSVG(): Promise<string>; finalize(): void };
};

/**
 * Draws a chart. The same spec gives the same text.
 *
 * @throws Error when `installCharts` was not called before, or the spec is wrong: the message is
 *   that of the library.
 */
export async function renderChart(spec: ChartSpec): Promise<string> {
  const vega: Vega = await load("vega");
  const vegaLite: VegaLite = await load("vega-lite");
  const compiled = vegaLite.compile({ ...spec, config: chartConfig });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    return `${svg.replace(/^(<svg[^>]*>)/, `$1${darkStyle()}`)}\n`;
  } finally {
    view.finalize();
  }
}

async function load<Module>(name: string): Promise<Module> {
  const resolve = createRequire(import.meta.url).resolve;
  const path = resolve(name);
  return (await import(pathToFileURL(path).href)) as Module;
}
