/**
 * The metrics page. The hot path counts in plain arrays; only a scrape turns them into metrics, so
 * metrics that nobody reads cost nothing. Loaded on the first scrape, not at start.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type DurationRow, durationRows } from "./duration-table.ts";
import { type MetricRow, type MetricsInput, metricRows } from "./metrics-table.ts";
import type { DurationHistogram } from "./snapshot.ts";

export class MetricsPage {
  readonly #registry = new Registry();
  /** Set for the time of one rendering. */
  #input: MetricsInput | undefined;

  constructor() {
    for (const row of metricRows) this.#add(row);
    for (const row of durationRows) this.#addDurations(row);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async render(input: MetricsInput): Promise<string> {
    this.#input = input;
    return await this.#registry.metrics();
  }

  #add(row: MetricRow): void {
    const common = {
      name: row.name,
      help: row.help,
      labelNames: [...row.labels],
      registers: [this.#registry],
    };
    const isSingle = row.labels.length === 0;
    const read = () => (this.#input === undefined ? [] : row.read(this.#input));
    if (row.type === "gauge") {
      new Gauge({
        ...common,
        collect() {
          this.reset();
          if (isSingle) this.remove(); // Or it would be 0 where there is nothing to read.
          for (const { labels, value } of read()) this.set(labels, value);
        },
      });
    } else {
      new Counter({
        ...common,
        collect() {
          this.reset();
          if (isSingle) this.remove(); // Or it would be 0 where there is nothing to read.
          for (const { labels, value } of read()) this.inc(labels, value);
        },
      });
    }
  }

  #addDurations({ name, help, read }: DurationRow): void {
    const registry = this.#registry;
    new CountedHistogram({ name, help, labelNames: ["service"], registers: [registry] }, () =>
      (this.#input?.path.services ?? []).map((service) => ({
        service: service.name,
        counted: read(service),
      })),
    );
  }
}

type Counted = { readonly service: string; readonly counted: DurationHistogram };

type HistogramOptions = ConstructorParameters<typeof Histogram<"service">>[0];

/** A histogram that somebody else has counted. */
class CountedHistogram extends Histogram<"service"> {
  readonly #options: HistogramOptions;
  readonly #read: () => readonly Counted[];

  constructor(options: HistogramOptions, read: () => readonly Counted[]) {
    super(options);
    this.#options = options;
    this.#read = read;
  }

  /** What the registry asks for when it writes the page; prom-client's types do not declare it. */
  async getForPromString() {
    const { name, help } = this.#options;
    const values = this.#read().flatMap((counted) => this.#values(counted));
    return { name, help, type: "histogram", values };
  }

  #values({ service, counted }: Counted) {
    const { name } = this.#options;
    let total = 0;
    const buckets = [...counted.boundsS, "+Inf"].map((bound, index) => {
      total += counted.counts[index] ?? 0;
      return { metricName: `${name}_bucket`, labels: { service, le: bound }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: { service }, value: counted.sumS },
      { metricName: `${name}_count`, labels: { service }, value: counted.count },
    ];
  }
}
