/** The drawing itself, when the libraries are there; installing them is not the business of a test. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { colours } from "./chart-theme.ts";
import { chartsInstalled, installCharts } from "./installation.ts";
import { renderChart } from "./render.ts";

const skip = (await chartsInstalled())
  ? false
  : "the libraries are not there: npm ci --prefix lab/charts";
const spec = {
  data: {
    values: [
      { server: "1", requests: 3 },
      { server: "2", requests: 5 },
    ],
  },
  mark: "bar",
  encoding: {
    x: { field: "server", type: "nominal" },
    y: { field: "requests", type: "quantitative" },
  },
};

test("a spec becomes an SVG that has our colours, a painted background and a dark form", {
  skip,
}, async () => {
  const svg = await renderChart(spec);
  assert.match(svg, /^<svg [^>]*viewBox="[^"]*"[^>]*><style>@media \(prefers-color-scheme: dark\)/);
  assert.match(svg, new RegExp(`<rect[^>]*fill="${colours.paper}"`));
  assert.equal(svg.split(`fill="${colours.blue}"`).length - 1, 3, "one rule and two bars");
  assert.match(svg, />requests<\/text>/);
  assert.match(svg, /<\/svg>\n$/);
});

test("the same spec gives the same text", { skip }, async () => {
  assert.equal(await renderChart(spec), await renderChart(spec));
});

test("what is installed is not installed again", { skip }, async () => {
  const said: string[] = [];
  await installCharts((line) => said.push(line));
  assert.deepEqual(said, []);
});
