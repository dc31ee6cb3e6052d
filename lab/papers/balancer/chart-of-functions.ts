/** The chart of A-4: again for every placement that is compared. Pure. */
import { colours } from "../../charts/chart-theme.ts";
import type { ChartSpec } from "../../charts/render.ts";
import type { ComputedPlacement } from "./computation.ts";

const panelsPerRow = 4;

export function otherFunctions(computed: readonly ComputedPlacement[]): ChartSpec {
  const order = computed.map(({ shortName }) => shortName);
  return {
    title: {
      text: "A-4: other functions, A-1 and A-2 again",
      subtitle: "computed exactly over all 900,000 six-digit ids",
    },
    spacing: 26,
    vconcat: [
      sharesAtThree(computed, order),
      { concat: computed.map(balanceByCount), columns: panelsPerRow, spacing: 14 },
    ],
  };
}

function sharesAtThree(
  computed: readonly ComputedPlacement[],
  order: readonly string[],
): ChartSpec {
  const values = computed.flatMap(({ shortName, spreads }) => {
    const shares = spreads.find(({ servers }) => servers === 3)?.shares ?? [];
    return shares.map((share, index) => ({
      placement: shortName,
      server: `server ${index + 1}`,
      share,
      middle: shares.slice(0, index).reduce((sum, part) => sum + part, 0) + share / 2,
      label: share >= 0.06 ? `${(100 * share).toFixed(1)}` : "",
    }));
  });
  const y = { field: "placement", type: "nominal", sort: order, title: null };
  return {
    width: 655,
    height: { step: 30 },
    data: { values },
    encoding: { y },
    layer: [
      {
        mark: { type: "bar", height: 21 },
        encoding: {
          x: {
            field: "share",
            type: "quantitative",
            title: "share of the requests at N = 3, in per cent",
            axis: {
              format: "%",
              values: [0, 1 / 3, 2 / 3, 1],
              labelExpr: "format(datum.value, '.0%')",
            },
            scale: { domain: [0, 1], nice: false },
          },
          order: { field: "server" },
          color: {
            field: "server",
            type: "nominal",
            scale: { range: [colours.orange, colours.blue, colours.green] },
            legend: { title: null, orient: "top" },
          },
        },
      },
      {
        mark: { type: "text", fontWeight: 600 },
        encoding: {
          x: { field: "middle", type: "quantitative" },
          text: { field: "label" },
          // Black stays black in the dark, where orange is as light as here.
          color: {
            condition: { test: "datum.server === 'server 1'", value: "#000000" },
            value: colours.paper,
          },
        },
      },
    ],
  };
}

function balanceByCount({ shortName, spreads }: ComputedPlacement, index: number): ChartSpec {
  const values = spreads.map(({ servers, exact }) => ({
    servers,
    ratio: exact.maxOverMean,
    label: servers === 2 || servers === 6 ? exact.maxOverMean.toFixed(2) : "",
  }));
  const isFirst = index % panelsPerRow === 0;
  return {
    title: { text: shortName, fontSize: 12, anchor: "middle", offset: 6 },
    width: 125,
    height: 115,
    data: { values },
    encoding: {
      x: { field: "servers", type: "ordinal", title: "servers (N)" },
      y: {
        field: "ratio",
        type: "quantitative",
        title: isFirst ? "max / mean" : null,
        axis: { values: [0, 1, 2, 3, 4, 5], labels: isFirst },
        scale: { domain: [0, 6], nice: false },
      },
    },
    layer: [
      { mark: { type: "rule", strokeDash: [4, 4] }, encoding: { x: null, y: { datum: 1 } } },
      { mark: { type: "line", point: { color: colours.blue }, color: colours.blue } },
      { mark: { type: "text", dy: -12 }, encoding: { text: { field: "label" } } },
    ],
  };
}
