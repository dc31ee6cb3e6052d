/**
 * The control API as functions. Answers are trusted to have the shape of `@prunella/wire/control`
 * once they name what they must: the agent is ours and proved it by the token; what remains is an
 * agent of another version, and that is said.
 */
import { ClusterError } from "@prunella/core/kernel";
import type { PlannedChange } from "@prunella/spec";
import type {
  ClusterEvent,
  ClusterStatus,
  Explanation,
  InstanceStatus,
  ServiceStatus,
} from "@prunella/wire/control";
import type { ElectionStatus } from "@prunella/wire/election";
import { type Connection, readConnection } from "./connection.ts";
import { type Exchange, exchangeJson, open, unreachable } from "./exchange.ts";
import { linesOf, valuesOf } from "./line-stream.ts";

const answerMsMax = 5_000;
/** By contract `add` and `rm` answer within 10 s. */
const resizeMsMax = 20_000;
/** A handover lets running work end first. */
const handOverMsMax = 25_000;

export type EndProgress = { readonly instance: string; readonly phase: string };

export type LogRange = { readonly tail: number; readonly follow: boolean };

export type EventRange = { readonly after: number; readonly follow: boolean };

/** The body of `plan` and `apply`. */
export type Application = { readonly cluster: unknown; readonly folder: string };

export class Client {
  readonly #connection: Connection;
  readonly #signal: AbortSignal;

  constructor(connection: Connection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  get pid(): number {
    return this.#connection.pid;
  }

  async status(withinMs = answerMsMax): Promise<ClusterStatus> {
    const answer = await this.#json({ method: "GET", path: "/v1/status" }, withinMs);
    const status = this.#shaped<ClusterStatus>(answer, "services", "gateways");
    return { ...status, troubles: status.troubles ?? [] }; // An older agent knows of none.
  }

  async plan(application: Application): Promise<readonly PlannedChange[]> {
    return this.#changes("/v1/plan", application);
  }

  async apply(application: Application): Promise<readonly PlannedChange[]> {
    return this.#changes("/v1/apply", application);
  }

  async scale(service: string, count: number): Promise<ServiceStatus> {
    const path = `/v1/services/${encodeURIComponent(service)}/scale`;
    const answer = await this.#json({ method: "POST", path, body: { count } });
    return this.#shaped<ServiceStatus>(answer, "instances");
  }

  /** Grows (`add`) or shrinks (`rm`) a service by `n`, the named instances first. */
  async resize(
    service: string,
    call: "add" | "rm",
    n: number,
    hostnames: readonly string[],
  ): Promise<void> {
    const path = `/v1/services/${encodeURIComponent(service)}/${call}`;
    const method = call === "add" ? "POST" : "DELETE";
    await this.#json({ method, path, body: { n, hostnames } }, resizeMsMax);
  }

  async restart(instance: string): Promise<InstanceStatus> {
    const path = `/v1/instances/${encodeURIComponent(instance)}/restart`;
    return this.#shaped<InstanceStatus>(await this.#json({ method: "POST", path }), "phase");
  }

  async why(instance: string): Promise<Explanation> {
    const path = `/v1/instances/${encodeURIComponent(instance)}/why`;
    const answer = await this.#json({ method: "GET", path });
    const told = this.#shaped<Explanation>(answer, "instance", "incidents");
    return { ...told, troubles: told.troubles ?? [] };
  }

  async election(service: string): Promise<ElectionStatus> {
    const path = `/v1/services/${encodeURIComponent(service)}/election`;
    return this.#shaped<ElectionStatus>(await this.#json({ method: "GET", path }), "history");
  }

  /** Resolves when another instance leads: `to`, or whom the electors choose. */
  async resign(service: string, to: string | undefined): Promise<ElectionStatus> {
    const path = `/v1/services/${encodeURIComponent(service)}/election/resign`;
    const body = to === undefined ? {} : { to };
    const answer = await this.#json({ method: "POST", path, body }, handOverMsMax);
    return this.#shaped<ElectionStatus>(answer, "history");
  }

  logs(instance: string, range: LogRange): AsyncIterable<string> {
    const path = `/v1/instances/${encodeURIComponent(instance)}/logs`;
    return this.#lines("GET", `${path}?tail=${range.tail}&follow=${range.follow}`);
  }

  async *events(range: EventRange): AsyncIterable<ClusterEvent> {
    const lines = this.#lines("GET", `/v1/events?after=${range.after}&follow=${range.follow}`);
    for await (const value of valuesOf(lines))
      yield this.#shaped<ClusterEvent>(value, "id", "type");
  }

  async *down(): AsyncIterable<EndProgress> {
    const lines = this.#lines("POST", "/v1/down");
    for await (const value of valuesOf(lines)) yield this.#shaped<EndProgress>(value, "instance");
  }

  async #changes(path: string, application: Application): Promise<readonly PlannedChange[]> {
    const answer = await this.#json({ method: "POST", path, body: application });
    return this.#shaped<{ changes: readonly PlannedChange[] }>(answer, "changes").changes;
  }

  async #json(exchange: Omit<Exchange, "signal">, withinMs = answerMsMax): Promise<unknown> {
    const deadline = AbortSignal.timeout(withinMs);
    const signal = AbortSignal.any([this.#signal, deadline]);
    try {
      return await exchangeJson(this.#connection, { ...exchange, signal });
    } catch (error) {
      if (!deadline.aborted || this.#signal.aborted) throw error;
      throw unreachable(this.#connection, new Error(`no answer within ${withinMs} ms`));
    }
  }

  async *#lines(method: Exchange["method"], path: string): AsyncIterable<string> {
    const answer = await open(this.#connection, { method, path, signal: this.#signal });
    try {
      yield* linesOf(answer);
    } catch (error) {
      throw this.#signal.aborted ? this.#signal.reason : unreachable(this.#connection, error);
    } finally {
      answer.destroy();
    }
  }

  /** The parsing edge: an answer without these fields is of another version. */
  #shaped<Shape>(value: unknown, ...fields: readonly string[]): Shape {
    const isShaped =
      typeof value === "object" && value !== null && fields.every((field) => field in value);
    if (isShaped) return value as Shape;
    throw new ClusterError("AGENT_UNREACHABLE", {
      message: `The agent (pid ${this.pid}) answers in a way that this version does not understand.`,
      details: {
        why: `an answer lacks one of: ${fields.join(", ")}`,
        fix: "end the cluster with the version of Prunella that started it, then run: npx prunella up",
      },
    });
  }
}

/**
 * A client of the agent that serves this state folder.
 *
 * @throws ClusterError `AGENT_UNREACHABLE` when the folder names none; a dead one fails the first call.
 */
export async function connect(stateFolder: string, signal: AbortSignal): Promise<Client> {
  const connection = await readConnection(stateFolder);
  if (connection !== undefined) return new Client(connection, signal);
  const { agentMissing } = await import("./missing-agent.ts");
  throw await agentMissing(stateFolder);
}
