/**
 * Whether the agent that pushed the view is there: asked when somebody wants to know, and not kept.
 *
 * The agent sends a view when something changes, so silence of hours is no sign of its death. The one
 * honest answer is to knock: `GET /v1/status` without a token, which an agent refuses with
 * `TOKEN_REFUSED`. So nothing secret goes to a stranger who has the port by now, and a stranger is
 * not taken for the agent.
 */
import { request } from "node:http";

/** A readiness probe waits a second as a rule; an agent that hangs must not cost it its answer. */
const knockMs = 500;
const answerLengthMax = 4_096;

export class AgentPresence {
  readonly #controlUrl: () => string | undefined;
  #knocking: Promise<boolean> | undefined;

  /** `controlUrl` is what the view in force says; empty or undefined when it does not. */
  constructor(controlUrl: () => string | undefined) {
    this.#controlUrl = controlUrl;
  }

  /** False as well when it is not known where the agent listens. Many who ask share one knock. */
  isThere(): Promise<boolean> {
    this.#knocking ??= knock(this.#controlUrl() ?? "").finally(() => {
      this.#knocking = undefined;
    });
    return this.#knocking;
  }
}

async function knock(controlUrl: string): Promise<boolean> {
  if (!URL.canParse("/v1/status", controlUrl)) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const outgoing = request(new URL("/v1/status", controlUrl), {
    agent: false, // A connection of its own: the agent may have been replaced since the last time.
    signal: AbortSignal.timeout(knockMs),
  });
  outgoing.on("error", () => resolve(false));
  outgoing.on("response", (incoming) => {
    let body = "";
    incoming.setEncoding("latin1");
    incoming.on("data", (text: string) => {
      body += text;
      if (body.length > answerLengthMax) incoming.destroy();
    });
    incoming.on("error", () => resolve(false));
    incoming.on("close", () => {
      resolve(incoming.statusCode === 401 && body.includes('"TOKEN_REFUSED"'));
    });
  });
  outgoing.end();
  return await promise;
}
