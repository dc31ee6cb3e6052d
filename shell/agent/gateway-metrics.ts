/**
 * One set of metrics for all gateways: their pages in Prometheus text, made into one.
 *
 * Counters and histograms are summed over the gateways. A gauge is a state of one process, and a sum
 * of ages or quantiles says nothing, so each keeps its own line with the label `gateway`.
 *
 * A sum must not fall when a process dies, or every rate made of it would show a jump: what a process
 * had counted when it was last read is kept. What it counted after that died with it. A gateway that
 * does not answer counts with its last page and shows as `prunella_gateway_up 0`.
 */

export type MetricsSource = {
  readonly gateway: string;
  readonly pid: number | undefined;
  /** Undefined when it did not answer. */
  readonly page: string | undefined;
};

/** Series that are remembered of processes that have gone; more than a cluster file can make. */
const seriesMax = 100_000;

type Family = { readonly help: string; readonly type: string; readonly series: string[] };
type Page = { readonly pid: number | undefined; readonly values: Map<string, number> };

export class GatewayMetrics {
  /** Counters of the newest page of each gateway. */
  readonly #pages = new Map<string, Page>();
  /** What was counted by processes that are gone, by series. */
  readonly #past = new Map<string, number>();

  /** Makes one page of many. The sources are all gateways that there are. */
  render(sources: readonly MetricsSource[]): string {
    const families = new Map<string, Family>();
    const gauges = new Map<string, number>();
    const names = new Set(sources.map(({ gateway }) => gateway));
    for (const gateway of [...this.#pages.keys()]) if (!names.has(gateway)) this.#retire(gateway);
    for (const { gateway, pid, page } of sources) {
      if (page !== undefined) this.#take(gateway, pid, page, families, gauges);
    }
    for (const { gateway, page } of sources) {
      const up = `prunella_gateway_up{gateway="${gateway}"}`;
      familyOf(families, "prunella_gateway_up", upHelp, "gauge").series.push(up);
      gauges.set(up, page === undefined ? 0 : 1);
    }
    const sums = this.#sums();
    return [...families].map(([name, family]) => familyText(name, family, sums, gauges)).join("\n");
  }

  #take(
    gateway: string,
    pid: number | undefined,
    text: string,
    families: Map<string, Family>,
    gauges: Map<string, number>,
  ): void {
    const before = this.#pages.get(gateway);
    if (before !== undefined && before.pid !== pid) this.#retire(gateway);
    const last = before?.pid === pid ? before?.values : undefined;
    const values = new Map<string, number>();
    for (const { name, help, type, series, value } of readPage(text)) {
      const family = familyOf(families, name, help, type);
      if (type === "gauge") {
        const labelled = withLabel(series, "gateway", gateway);
        family.series.push(labelled);
        gauges.set(labelled, value);
        continue;
      }
      if (!family.series.includes(series)) family.series.push(series);
      values.set(series, value);
      const old = last?.get(series) ?? 0;
      if (value < old) this.#keep(series, old); // Begun anew within the process.
    }
    for (const [series, value] of last ?? []) if (!values.has(series)) this.#keep(series, value);
    this.#pages.set(gateway, { pid, values });
  }

  #retire(gateway: string): void {
    for (const [series, value] of this.#pages.get(gateway)?.values ?? []) this.#keep(series, value);
    this.#pages.delete(gateway);
  }

  #keep(series: string, value: number): void {
    if (this.#past.size >= seriesMax) this.#past.clear(); // A reset, as a restart of the agent is.
    this.#past.set(series, (this.#past.get(series) ?? 0) + value);
  }

  #sums(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>(this.#past);
    for (const { values } of this.#pages.values()) {
      for (const [series, value] of values) sums.set(series, (sums.get(series) ?? 0) + value);
    }
    return sums;
  }
}

const upHelp = "Whether the gateway answered this scrape.";

function familyOf(families: Map<string, Family>, name: string, help: string, type: string): Family {
  const known = families.get(name);
  if (known !== undefined) return known;
  const family: Family = { help, type, series: [] };
  families.set(name, family);
  return family;
}

function familyText(
  name: string,
  { help, type, series }: Family,
  sums: ReadonlyMap<string, number>,
  gauges: ReadonlyMap<string, number>,
): string {
  const lines = series.map((one) => `${one} ${(type === "gauge" ? gauges : sums).get(one) ?? 0}`);
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join("\n")}\n`;
}

type Sample = {
  /** Of the family: a histogram's `_bucket`, `_sum` and `_count` belong to its name. */
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly series: string;
  readonly value: number;
};

const samplePattern = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$/;

/** Reads the text format as prom-client writes it: a family's HELP and TYPE stand before its samples. */
function* readPage(text: string): Generator<Sample> {
  let name = "";
  let help = "";
  let type = "untyped";
  for (const line of text.split("\n")) {
    const [, comment, family = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (comment === "HELP") {
      name = family;
      help = rest;
    } else if (comment === "TYPE") {
      name = family;
      type = rest;
    } else {
      const [, series, value] = samplePattern.exec(line) ?? [];
      const number = Number(value);
      if (series !== undefined && !Number.isNaN(number)) {
        yield { name, help, type, series, value: number };
      }
    }
  }
}

function withLabel(series: string, label: string, value: string): string {
  const pair = `${label}="${value}"`;
  if (!series.endsWith("}")) return `${series}{${pair}}`;
  return `${series.slice(0, -1)},${pair}}`;
}
