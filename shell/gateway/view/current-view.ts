/**
 * The view in force: judged when it comes in, handed to the data path, kept on disk.
 */
import type { ServiceName } from "@prunella/core/kernel";
import type { LeaderView, View } from "@prunella/wire/view";
import type { DataPath } from "../data-path.ts";
import type { ViewFile } from "./view-file.ts";
import { judgeView } from "./view-guard.ts";

export type Applied = {
  /** False when this very view was in force already. */
  readonly applied: boolean;
  /** Services whose placement was built anew. */
  readonly rebuilt: readonly ServiceName[];
};

/**
 * What a successor of this process must know: the leaders of the highest terms that were seen, which
 * need not be those that the view names (G11).
 */
function withKnownLeaders(view: View, leaders: ReadonlyMap<ServiceName, LeaderView>): View {
  if (leaders.size === 0) return view;
  const services = view.services.map((service) => {
    const leader = leaders.get(service.name);
    return leader === undefined ? service : { ...service, leader };
  });
  return { ...view, services };
}

export class CurrentView {
  readonly #cluster: string;
  readonly #dataPath: DataPath;
  readonly #file: ViewFile | undefined;
  #view: View | undefined;
  #source: "disk" | "pushed" | undefined;
  #refusedCount = 0;
  #lastRefusal: string | undefined;

  constructor(cluster: string, dataPath: DataPath, file?: ViewFile) {
    this.#cluster = cluster;
    this.#dataPath = dataPath;
    this.#file = file;
  }

  get view(): View | undefined {
    return this.#view;
  }

  /** Where the view in force came from; `disk` until an agent was heard. */
  get source(): "disk" | "pushed" | undefined {
    return this.#source;
  }

  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** Why the newest view that came was refused; undefined when it was not. */
  get lastRefusal(): string | undefined {
    return this.#lastRefusal;
  }

  /** Takes over what a predecessor left on disk, if there is anything. */
  load(): void {
    const view = this.#file?.load();
    if (view === undefined || view.cluster !== this.#cluster) return;
    this.#view = view;
    this.#source = "disk";
    this.#dataPath.applyView(view);
  }

  /** @throws ClusterError `REQUEST_INVALID`, `VIEW_STALE` or `VIEW_EMPTYING`; nothing changed then. */
  offer(next: View, allowEmpty: boolean): Applied {
    const verdict = judgeView(next, this.#view, { cluster: this.#cluster, allowEmpty });
    if (verdict.type === "refuse") {
      this.#refusedCount++;
      this.#lastRefusal = verdict.error.message;
      throw verdict.error;
    }
    this.#lastRefusal = undefined;
    this.#source = "pushed";
    if (verdict.type === "known") return { applied: false, rebuilt: [] };
    const { rebuilt } = this.#dataPath.applyView(next);
    this.#view = next;
    this.#file?.keep(withKnownLeaders(next, this.#dataPath.knownLeaders()));
    return { applied: true, rebuilt };
  }
}
