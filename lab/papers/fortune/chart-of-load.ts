/** The chart of the load table: response time and throughput by users, ours and the source's. Pure. */
import { colours } from "../../charts/chart-theme.ts";
import type { ChartSpec } from "../../charts/render.ts";
import { impliedPerSecond, sourceLoad } from "./source.ts";
import type { UserRow } from "./user-load.ts";

const ours = "Prunella, measured";
const theirs = "source, its throughput by Little's law";

export function timeByUsers(rows: readonly UserRow[]): ChartSpec {
  const values = [
    ...rows.map(({ users, meanMs, littleMs, perSecond }) => ({
      ...{ users, perSecond, whose: ours, seconds: (meanMs ?? littleMs) / 1_000 },
    })),
    ...sourceLoad.map(({ users, meanMs }) => ({
      ...{ users, whose: theirs, seconds: meanMs / 1_000 },
      perSecond: impliedPerSecond(users, meanMs),
    })),
  ];
  return {
    title: {
      text: "3.4.3: more users",
      subtitle:
        "users = throughput × response time: ten times the users need ten times of one of them",
    },
    data: { values },
    spacing: 40,
    hconcat: [
      panel("mean response time", "seconds", { labelExpr: "datum.value + ' s'" }),
      panel("requests a second", "perSecond", { format: ",~d" }),
    ],
  };
}

const powersOfTen = Array.from({ length: 12 }, (_, index) => 10 ** (index - 4));

function panel(text: string, field: string, labels: ChartSpec): ChartSpec {
  const colour = {
    field: "whose",
    type: "nominal",
    scale: { domain: [ours, theirs], range: [colours.blue, colours.orange] },
    legend: { title: null, orient: "bottom", labelLimit: 0 },
  };
  return {
    title: { text, fontSize: 13, anchor: "middle", offset: 10 },
    width: 270,
    height: 250,
    encoding: {
      x: {
        field: "users",
        type: "quantitative",
        scale: { type: "log" },
        title: "users (logarithmic)",
        axis: { values: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000], format: "~s" },
      },
      y: {
        field,
        type: "quantitative",
        scale: { type: "log" },
        title: null,
        axis: { ...labels, values: powersOfTen },
      },
      color: colour,
    },
    layer: [{ mark: "line" }, { mark: { type: "point", size: 60 } }],
  };
}
