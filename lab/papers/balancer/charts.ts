/** The charts of the report as Vega-Lite specs; those of stand here. Pure. */
import { colours } from "../../charts/chart-theme.ts";
import type { ChartSpec } from "../../charts/render.ts";
import type { NamedChart } from "../paper-output.ts";
import { otherFunctions } from "./chart-of-functions.ts";
import { aroundTheKill } from "./chart-of-kills.ts";
import { defaultName, type Findings, givenName, type Pair } from "./findings.ts";
import type { SpreadRun } from "./spread.ts";

const names = [givenName, defaultName];
const nameColours = [colours.orange, colours.blue];

export function chartsOf(findings: Findings): readonly NamedChart[] {
  return [
    { file: "balancer-a1.svg", spec: requestsByServer(findings.spread) },
    { file: "balancer-a2.svg", spec: loadByCount(findings.spread) },
    { file: "balancer-a3.svg", spec: aroundTheKill(findings.failures) },
    { file: "balancer-a4.svg", spec: otherFunctions(findings.computed) },
  ];
}

function requestsByServer({ given, standard }: Pair<SpreadRun>): ChartSpec {
  const rows = (run: SpreadRun, placement: string) =>
    run.a1.counts.map((requests, index) => ({
      server: `server ${index + 1}`,
      placement,
      requests,
    }));
  const { mean } = given.a1.balance;
  const order = { field: "placement", sort: names };
  return {
    title: {
      text: `A-1: requests by server, N = ${given.a1.servers}`,
      subtitle: "measured; the same ids for both; the dashed line is the fair share",
    },
    width: 560,
    height: 280,
    data: { values: [...rows(given, givenName), ...rows(standard, defaultName)] },
    encoding: {
      x: { field: "server", type: "nominal", title: null, axis: { labelFontSize: 13 } },
      xOffset: order,
      y: { field: "requests", type: "quantitative", title: "requests answered" },
    },
    layer: [
      {
        mark: { type: "bar" },
        encoding: {
          color: {
            ...order,
            type: "nominal",
            scale: { domain: names, range: nameColours },
            legend: { title: null, orient: "top" },
          },
        },
      },
      {
        mark: { type: "rule", strokeDash: [5, 4], strokeWidth: 1.5, color: colours.ink },
        encoding: { x: null, xOffset: null, y: { datum: mean } },
      },
      // The first text is the background of the second: the dashed line must not cross the digits.
      { mark: { ...above, stroke: colours.paper, strokeWidth: 5 }, encoding: count },
      { mark: above, encoding: count },
    ],
  };
}

const above = { type: "text", dy: -8 } as const;
const count = { text: { field: "requests", type: "quantitative", format: ",d" } } as const;

const measures = [
  { name: "busiest server", colour: colours.orange, dash: [1, 0], shape: "triangle-up" },
  { name: "mean", colour: colours.ink, dash: [7, 4], shape: "circle" },
  { name: "idlest server", colour: colours.blue, dash: [1, 0], shape: "triangle-down" },
  { name: "standard deviation", colour: colours.slate, dash: [2, 3], shape: "diamond" },
] as const;

function loadByCount({ given, standard }: Pair<SpreadRun>): ChartSpec {
  const rows = (run: SpreadRun, placement: string) =>
    run.a2.flatMap(({ servers, balance }) => {
      const values = [balance.max, balance.mean, balance.min, balance.standardDeviation];
      return measures.map(({ name }, index) => ({
        placement,
        servers,
        measure: name,
        requests: values[index],
      }));
    });
  const domain = measures.map(({ name }) => name);
  const byMeasure = { field: "measure", type: "nominal" };
  const points = {
    mark: { type: "point", size: 60 },
    encoding: {
      color: {
        ...byMeasure,
        scale: { domain, range: measures.map(({ colour }) => colour) },
        legend: { title: null, orient: "bottom", columnPadding: 22 },
      },
      shape: { ...byMeasure, scale: { domain, range: measures.map(({ shape }) => shape) } },
    },
  };
  return {
    title: {
      text: "A-2: load of the servers as N grows",
      subtitle: "measured; the mean is requests / N whatever a load balancer does",
    },
    data: { values: [...rows(given, givenName), ...rows(standard, defaultName)] },
    facet: { column: { field: "placement", type: "nominal", title: null, sort: names } },
    spec: {
      width: 300,
      height: 280,
      encoding: {
        x: { field: "servers", type: "ordinal", title: "servers (N)" },
        y: { field: "requests", type: "quantitative", title: "requests per server" },
      },
      // A line each and not a dash by field: the legend would draw its symbols with the dashes.
      layer: [...measures.map(lineOf), points],
    },
  };
}

function lineOf({ name, colour, dash }: (typeof measures)[number]): ChartSpec {
  return {
    transform: [{ filter: { field: "measure", equal: name } }],
    mark: { type: "line", color: colour, strokeDash: dash },
  };
}
