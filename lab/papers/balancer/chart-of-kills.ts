/** The chart of A-3: who answers in the milliseconds around a kill. Pure. */
import { colours } from "../../charts/chart-theme.ts";
import type { ChartSpec } from "../../charts/render.ts";
import { sliceMs } from "../failures-under-load.ts";
import { median } from "../median.ts";
import type { FailureRun, Slice } from "./failure.ts";
import { defaultName, givenName, type Pair } from "./findings.ts";

const serverNames = ["server 1, then its replacement", "server 2", "server 3", "lost"];

export function aroundTheKill({ given, standard }: Pair<FailureRun>): ChartSpec {
  return {
    title: {
      text: "A-3: who answers when server 1 is killed",
      subtitle: `measured: ${given.backMs.length} kills each, ${given.perSecond} requests/s, laid over each other`,
    },
    spacing: 30,
    hconcat: [killPanel(given, givenName), killPanel(standard, defaultName)],
  };
}

function killPanel(run: FailureRun, placement: string): ChartSpec {
  const y = {
    field: "share",
    type: "quantitative",
    title: placement === givenName ? "share of the answers" : null,
    axis: { format: "%" },
    scale: { domain: [0, 1] },
  };
  const shares = {
    data: { values: run.timeline.flatMap(sharesOf) },
    mark: { type: "bar", binSpacing: 0 },
    encoding: {
      x: {
        field: "fromMs",
        type: "quantitative",
        bin: { binned: true, step: sliceMs },
        title: "ms after the kill",
        axis: { values: [-100, 0, 100, 200, 300, 400, 500] },
      },
      x2: { field: "toMs" },
      y,
      order: { field: "order" },
      color: {
        field: "server",
        type: "nominal",
        scale: {
          domain: serverNames,
          range: [colours.orange, colours.blue, colours.green, colours.ink],
        },
        legend: { title: null, orient: "bottom", columns: 4, labelLimit: 0 },
      },
    },
  };
  return {
    title: { text: placement, fontSize: 13, anchor: "middle", offset: 10 },
    width: 290,
    height: 250,
    layer: [
      shares,
      moment(0, "kill -9", -4),
      moment(median(run.backMs), "first 200 (median)", -18),
    ],
  };
}

function moment(atMs: number, text: string, dy: number): ChartSpec {
  return {
    data: { values: [{ atMs, text }] },
    encoding: { x: { field: "atMs", type: "quantitative" } },
    layer: [
      { mark: { type: "rule", strokeWidth: 2, color: colours.ink } },
      {
        mark: { type: "text", align: "center", baseline: "bottom", dy },
        encoding: { y: { value: 0 }, text: { field: "text" } },
      },
    ],
  };
}

function sharesOf({ fromMs, counts, lost }: Slice): readonly object[] {
  const all = [...counts, lost];
  const total = Math.max(
    1,
    all.reduce((sum, count) => sum + count, 0),
  );
  return all.map((count, order) => ({
    fromMs,
    toMs: fromMs + sliceMs,
    server: serverNames[order],
    order,
    share: count / total,
  }));
}
