/**
 * One service at run time: its members, who owns which key, and what is in flight. Built from the
 * view and kept across views.
 *
 * The placement holds every member that has ever served, except those that leave or are detached. A
 * member that restarts, drains for a restart or is refused stays in it and is only inadmissible, so
 * a restart rebuilds nothing and every key comes back (G14). It is rebuilt only when the set of
 * (id, weight) has changed.
 */
import type { MemberId, ServiceName } from "@prunella/core/kernel";
import { compare, type Placement, place, placeSeed512, type Seed512 } from "@prunella/core/ring";
import type { MemberView, ServiceView } from "@prunella/wire/view";
import type { Exchange } from "../exchange/state/exchange.ts";
import { defaultLimits, type Limits } from "../limits.ts";
import { ServiceCounters } from "../observation/service-counters.ts";
import { type ChunkLimits, requestChunkLimits } from "../parser/index.ts";
import { LeaderRoute, type LeaderVerdict, leaderOf } from "./leader-route.ts";
import { Member } from "./member.ts";
import { RetryBudget } from "./retry-budget.ts";
import { markBeginners } from "./slow-start.ts";
import { defaultRules, type TrafficRules, trafficRules } from "./traffic-rules.ts";

/** In-flight counts by index of the placement; `LoadView` of core/ring. */
export type Load = {
  inFlight: Int32Array;
  total: number;
  weights: Float64Array;
  /** Of those that serve: what is down must not shrink the share of the others. */
  weightSum: number;
};

export class Service {
  view: ServiceView;
  chunkLimits: ChunkLimits;
  /** Stands for Host where an HTTP/1.0 client sent none. */
  readonly hostBytes: Buffer;
  /** In the order of the view. */
  members: readonly Member[] = [];
  servingCount = 0;
  /** GET and HEAD may share connections; never to a leader, whose term may end between two answers. */
  pipelines = false;
  placement: Placement | undefined = undefined;
  /** By index of `placement.members`. */
  placed: readonly Member[] = [];
  seed512: Seed512 | undefined = undefined;
  /** By number in the source's map. */
  readonly byNumber = new Map<number, Member>();
  readonly load: Load = {
    inFlight: new Int32Array(0),
    total: 0,
    weights: new Float64Array(0),
    weightSum: 0,
  };
  /** Requests that wait for a member, first in first out. */
  readonly waiting: Exchange[] = [];
  readonly budget: RetryBudget;
  /** Elected services only. */
  leaderRoute: LeaderRoute | undefined = undefined;
  /** The member that leads, whether it serves or not; undefined while nobody is known to. */
  leader: Member | undefined = undefined;
  readonly counters = new ServiceCounters();
  rules: TrafficRules = defaultRules;
  #placedAs = "";
  #wasApplied = false;

  constructor(view: ServiceView, nowMs: number) {
    this.view = view;
    this.chunkLimits = chunkLimitsOf(view);
    this.hostBytes = Buffer.from(view.name, "latin1");
    this.budget = new RetryBudget(nowMs);
  }

  get name(): ServiceName {
    return this.view.name;
  }

  /**
   * Takes over what the view says.
   *
   * @throws ClusterError of core/ring when the members cannot be placed; nothing has changed then.
   */
  apply(
    view: ServiceView,
    nowMs: number,
    limits: Limits = defaultLimits,
  ): { readonly rebuilt: boolean; readonly retired: readonly Member[] } {
    const placed = view.members.filter(isPlaced);
    const placedAs = placementKey(view, placed);
    const rebuilt = placedAs !== this.#placedAs;
    const tables = rebuilt ? buildTables(view, placed) : undefined;

    const before = new Map(this.members.map((member) => [member.view.id, member]));
    this.members = view.members.map((memberView) => adopt(before.get(memberView.id), memberView));
    const now = new Set(this.members);
    const wasKnown = this.#wasApplied;
    this.#wasApplied = true;
    const retired = [...before.values()].filter((member) => !now.has(member));
    for (const member of retired) retire(member);

    this.view = view;
    this.pipelines = view.pipelining === "safe" && view.kind === "replicas";
    this.chunkLimits = chunkLimitsOf(view);
    this.rules = trafficRules(limits, view.traffic);
    markBeginners(this.members, wasKnown, this.rules.slowStartMs, nowMs);
    this.servingCount = this.members.filter((member) => member.serving).length;
    if (tables !== undefined) {
      this.counters.ringMovedRatio = movedRatio(this.placement, tables.placement);
      this.placement = tables.placement;
      this.seed512 = tables.seed512;
      this.#placedAs = placedAs;
    }
    this.#index();
    return { rebuilt, retired };
  }

  /** Takes over who leads; undefined for a service that is not elected. After `apply`. */
  follow(): LeaderVerdict | undefined {
    if (this.view.kind !== "elected") {
      this.leaderRoute = undefined;
      this.leader = undefined;
      return undefined;
    }
    this.leaderRoute ??= new LeaderRoute();
    const verdict = this.leaderRoute.take(this.view.leader);
    this.leader = leaderOf(this);
    return verdict;
  }

  /** The service has left the view: nobody new, what is under way may finish. */
  retireAll(): readonly Member[] {
    const { members } = this;
    for (const member of members) retire(member);
    this.members = [];
    this.servingCount = 0;
    this.#index();
    return members;
  }

  began(member: Member): void {
    member.inFlight += 1;
    member.requests += 1;
    if (member.place < 0) return;
    this.load.total += 1;
    this.load.inFlight[member.place] = (this.load.inFlight[member.place] ?? 0) + 1;
  }

  ended(member: Member): void {
    member.inFlight -= 1;
    if (member.place < 0) return;
    this.load.total -= 1;
    this.load.inFlight[member.place] = (this.load.inFlight[member.place] ?? 0) - 1;
  }

  #index(): void {
    const byId = new Map<MemberId, Member>(this.members.map((member) => [member.view.id, member]));
    this.byNumber.clear();
    for (const member of this.members) {
      member.place = -1;
      if (isPlaced(member.view)) this.byNumber.set(member.view.number, member);
    }
    const ring = this.placement?.members ?? [];
    this.placed = ring.flatMap(({ id }) => byId.get(id) ?? []);
    const { load } = this;
    load.inFlight = new Int32Array(ring.length);
    load.weights = new Float64Array(ring.length);
    load.total = 0;
    load.weightSum = 0;
    for (const [index, member] of this.placed.entries()) {
      member.place = index;
      load.inFlight[index] = member.inFlight;
      load.total += member.inFlight;
      load.weights[index] = member.view.weight;
      if (member.serving) load.weightSum += member.view.weight;
    }
  }
}

/** The body bound of the route goes for chunked bodies as well. */
function chunkLimitsOf(view: ServiceView): ChunkLimits {
  return { ...requestChunkLimits, bodyBytesMax: view.bodyBytesMax };
}

function isPlaced(member: MemberView): boolean {
  if (member.state === "leaving" || member.state === "detached") return false;
  return member.served || member.state === "serving";
}

/** A restart is a new incarnation, which starts clean; everything else keeps the object. */
function adopt(before: Member | undefined, view: MemberView): Member {
  const same =
    before !== undefined &&
    before.view.incarnation === view.incarnation &&
    before.host === view.host &&
    before.port === view.port;
  if (!same) return new Member(view, before);
  before.view = view;
  before.serving = view.state === "serving";
  return before;
}

function retire(member: Member): void {
  member.current = false;
  member.serving = false;
  member.place = -1;
}

/** Equal keys mean equal tables. The source's map also depends on who is alive. */
function placementKey(view: ServiceView, placed: readonly MemberView[]): string {
  const parts = placed.map(({ id, weight, number, state }) =>
    view.placement === "seed-512" ? [number, state === "serving"] : [id, weight],
  );
  return JSON.stringify([view.placement, parts.map(String).sort()]);
}

type Tables = {
  readonly placement: Placement | undefined;
  readonly seed512: Seed512 | undefined;
};

function buildTables(view: ServiceView, placed: readonly MemberView[]): Tables {
  if (placed.length === 0) return { placement: undefined, seed512: undefined };
  if (view.placement === "seed-512") {
    const members = placed.map(({ number, state }) => ({ number, live: state === "serving" }));
    return { placement: undefined, seed512: placeSeed512(members) };
  }
  const members = placed.map(({ id, weight }) => ({ id, weight }));
  return { placement: place(members), seed512: undefined };
}

function movedRatio(before: Placement | undefined, after: Placement | undefined): number {
  if (before === undefined || after === undefined) return 0;
  return compare(before, after).moved;
}
