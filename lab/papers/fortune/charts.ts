/** The charts of the report as Vega-Lite specs; those of failovers stand here. Pure. */
import { colours } from "../../charts/chart-theme.ts";
import type { ChartSpec } from "../../charts/render.ts";
import { sliceMs } from "../failures-under-load.ts";
import { median } from "../median.ts";
import type { NamedChart } from "../paper-output.ts";
import { timeByUsers } from "./chart-of-load.ts";
import { afterMs, beforeMs, type FailoverRun, type Slice } from "./failover.ts";
import { partMs, parts } from "./failover-split.ts";
import type { Findings } from "./findings.ts";
import { sourceFailover } from "./source.ts";

export function chartsOf({ killed, frozen, users }: Findings): readonly NamedChart[] {
  return [
    { file: "fortune-failover.svg", spec: failovers(killed, frozen) },
    { file: "fortune-around.svg", spec: aroundTheFailure(killed, frozen) },
    { file: "fortune-load.svg", spec: timeByUsers(users) },
  ];
}

const killedName = "kill -9";
const frozenName = "SIGSTOP";
const sourceName = "source";
const partColours = [colours.orange, colours.violet, colours.blue];

function failovers(killed: FailoverRun, frozen: FailoverRun): ChartSpec {
  return {
    title: {
      text: "3.4.4: how long nobody answers when the leader fails",
      subtitle: `measured: ${killed.rounds.length} failures of each kind; the source's number is its mean`,
    },
    spacing: 26,
    vconcat: [totals(killed, frozen), medians(killed, frozen)],
    resolve: { scale: { color: "independent" } },
  };
}

/** Each failure is a stroke, on a scale on which both fit. */
function totals(killed: FailoverRun, frozen: FailoverRun): ChartSpec {
  const strokes = (run: FailoverRun, kind: string) =>
    run.rounds.map(({ totalMs }) => ({ kind, totalMs }));
  const names = [sourceName, frozenName, killedName];
  return {
    width: 560,
    height: 120,
    encoding: {
      x: {
        field: "totalMs",
        type: "quantitative",
        scale: { type: "log", domain: [10, 60_000], nice: false },
        title: "ms from the failure to the first answer of the next leader (logarithmic)",
        axis: { values: [10, 100, 1_000, 10_000], format: ",d", grid: true },
      },
      y: { field: "kind", type: "nominal", title: null, scale: { domain: names } },
    },
    layer: [
      {
        data: { values: [...strokes(killed, killedName), ...strokes(frozen, frozenName)] },
        mark: { type: "tick", thickness: 2, size: 24, color: colours.blue, opacity: 0.8 },
      },
      {
        data: { values: [{ kind: sourceName, totalMs: sourceFailover.meanMs }] },
        layer: [
          { mark: { type: "point", shape: "diamond", size: 130, color: colours.orange } },
          {
            mark: { type: "text", align: "right", dx: -14 },
            encoding: { text: { value: "29.6 s" } },
          },
        ],
      },
    ],
  };
}

function medians(killed: FailoverRun, frozen: FailoverRun): ChartSpec {
  const values = [
    ...partsOf(frozen).map((row) => ({ ...row, kind: frozenName })),
    ...partsOf(killed).map((row) => ({ ...row, kind: killedName })),
  ];
  return {
    width: 560,
    height: 90,
    data: { values },
    mark: { type: "bar", height: 26 },
    encoding: {
      x: { field: "ms", type: "quantitative", title: "ms, median of each part" },
      y: {
        field: "kind",
        type: "nominal",
        title: null,
        scale: { domain: [frozenName, killedName] },
      },
      order: { field: "order" },
      color: {
        field: "part",
        type: "nominal",
        scale: { domain: [...parts], range: partColours },
        legend: { title: null, orient: "bottom" },
      },
    },
  };
}

function partsOf({ rounds }: FailoverRun): readonly object[] {
  const splits = rounds.flatMap(({ split }) => (split === undefined ? [] : [split]));
  if (splits.length === 0) return [];
  return parts.map((part, order) => ({
    part,
    order,
    ms: median(splits.map((split) => partMs(split, part))),
  }));
}

const speakers = ["old leader", "new leader", "lost"];

function aroundTheFailure(killed: FailoverRun, frozen: FailoverRun): ChartSpec {
  return {
    title: {
      text: "3.4.4: who answers when the leader fails",
      subtitle: `measured: ${killed.rounds.length} failures each, ${killed.perSecond} requests/s, laid over each other`,
    },
    spacing: 30,
    hconcat: [panel(killed, killedName), panel(frozen, frozenName)],
  };
}

function panel({ rounds, timeline }: FailoverRun, kind: string): ChartSpec {
  const perSecond = (count: number): number =>
    (count * 1_000) / (sliceMs * Math.max(1, rounds.length));
  const rows = ({ fromMs, old, next, lost }: Slice): readonly object[] =>
    [old, next, lost].map((count, order) => ({
      ...{ fromMs, toMs: fromMs + sliceMs, order },
      answers: perSecond(count),
      speaker: speakers[order],
    }));
  const answers = {
    data: { values: timeline.flatMap(rows) },
    mark: { type: "bar", binSpacing: 0 },
    encoding: {
      x: {
        field: "fromMs",
        type: "quantitative",
        bin: { binned: true, step: sliceMs },
        scale: { domain: [-beforeMs, afterMs], nice: false },
        title: "ms after the failure",
        axis: { values: [0, 250, 500, 750, 1_000], format: ",d" },
      },
      x2: { field: "toMs" },
      y: {
        field: "answers",
        type: "quantitative",
        title: kind === killedName ? "answers a second" : null,
      },
      order: { field: "order" },
      color: {
        field: "speaker",
        type: "nominal",
        scale: { domain: speakers, range: [colours.orange, colours.blue, colours.ink] },
        legend: { title: null, orient: "bottom" },
      },
    },
  };
  const moment = {
    data: { values: [{ atMs: 0 }] },
    mark: { type: "rule", strokeWidth: 2, color: colours.ink },
    encoding: { x: { field: "atMs", type: "quantitative" } },
  };
  return {
    title: { text: kind, fontSize: 13, anchor: "middle", offset: 10 },
    width: 290,
    height: 230,
    layer: [answers, moment],
  };
}
