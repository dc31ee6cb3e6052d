/**
 * The load-balancer API of the source on the clients' listener, for services in compatibility mode.
 *
 * `/rep` is answered from the view, with or without an agent. `/add` and `/rm` change what is
 * wanted, which is the agent's business: payloads that are wrong in themselves are refused here,
 * the rest goes to the control API and its answer comes back word for word. When no agent answers,
 * the remaining checks are made against the view, so that a mistake is still called a mistake.
 */
import { ClusterError } from "@prunella/core/kernel";
import {
  type Call,
  controlPlaneUnreachable,
  failureBody,
  methodOf,
  noReplicaAvailable,
  parseAdd,
  parseForm,
  parseRm,
  payloadBytesMax,
  type Refusal,
  type Replica,
  seed512InstancesMax,
  successBody,
  unknownPath,
} from "@prunella/wire/load-balancer-api";
import type { ServiceView } from "@prunella/wire/view";
import { callControl } from "./control-call.ts";
import type { LocalAnswer, LocalEndpoints, LocalRequest } from "./local-endpoint.ts";

/** The agent takes at most 10 s for a change, the data path waits at most 15 s for us. */
const deadlineMs = 14_000;

/** Changes under way through this gateway; the agent makes them one after another anyway. */
const callsMax = 256;

export type LoadBalancerOptions = {
  readonly token: string;
  /** The control API, as the view in force says. */
  readonly controlUrl: () => string;
};

export class LoadBalancerApi implements LocalEndpoints {
  readonly paths = Object.keys(methodOf);
  readonly #options: LoadBalancerOptions;
  #calls = 0;

  constructor(options: LoadBalancerOptions) {
    this.#options = options;
  }

  async answer(request: LocalRequest): Promise<LocalAnswer> {
    switch (request.path) {
      case "/rep":
        if (request.method !== methodOf["/rep"]) return wrongMethod(methodOf["/rep"]);
        return { status: 200, body: successBody(replicasOf(request.service)) };
      case "/add":
        if (request.method !== methodOf["/add"]) return wrongMethod(methodOf["/add"]);
        return await this.#change("add", request);
      case "/rm":
        if (request.method !== methodOf["/rm"]) return wrongMethod(methodOf["/rm"]);
        return await this.#change("rm", request);
      default:
        throw new ClusterError("REQUEST_INVALID", { message: `${request.path} is not local.` });
    }
  }

  notFound(service: ServiceView, path: string): LocalAnswer | undefined {
    if (service.compat === undefined) return undefined;
    return { status: 400, body: failureBody(unknownPath(path)) };
  }

  unavailable(service: ServiceView): LocalAnswer | undefined {
    if (service.compat === undefined) return undefined;
    return { status: 503, body: failureBody(noReplicaAvailable), headers: [["Retry-After", "1"]] };
  }

  async #change(call: Call, request: LocalRequest): Promise<LocalAnswer> {
    // The data path keeps no more of a body than it may have; one byte more is over the limit.
    const payload = request.body ?? new Uint8Array(payloadBytesMax + 1);
    const form = parseForm(call, payload);
    if (!form.ok) return refusedBy(form);
    const answer =
      this.#calls < callsMax ? await this.#forward(call, request.service, payload) : undefined;
    if (answer !== undefined) return answer;
    const set = {
      replicas: replicasOf(request.service),
      instancesMin: 0,
      instancesMax: seed512InstancesMax,
    };
    const checked = call === "add" ? parseAdd(payload, set) : parseRm(payload, set);
    if (!checked.ok) return refusedBy(checked);
    return { status: 503, body: failureBody(controlPlaneUnreachable) };
  }

  async #forward(
    call: Call,
    service: ServiceView,
    body: Uint8Array,
  ): Promise<LocalAnswer | undefined> {
    this.#calls++;
    try {
      const answer = await callControl({
        controlUrl: this.#options.controlUrl(),
        token: this.#options.token,
        method: methodOf[`/${call}`],
        path: `/v1/services/${encodeURIComponent(service.name)}/${call}`,
        body,
        deadlineMs,
      });
      // Anything that is not of this API (a refused token, a crash) helps no client of it.
      return answer !== undefined && isApiBody(answer.body) ? answer : undefined;
    } finally {
      this.#calls--;
    }
  }
}

/** Wanted replicas in wanted order, those that are still starting included. */
function replicasOf(service: ServiceView): readonly Replica[] {
  return service.members.filter(
    (member) => member.state !== "leaving" && member.state !== "detached",
  );
}

function wrongMethod(allowed: string): LocalAnswer {
  return {
    status: 405,
    headers: [["Allow", allowed]],
    body: failureBody(`<Error> Only ${allowed} is allowed here`),
  };
}

function refusedBy(refusal: Refusal): LocalAnswer {
  return { status: refusal.status, body: failureBody(refusal.message) };
}

function isApiBody(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("status" in value)) return false;
    return value.status === "successful" || value.status === "failure";
  } catch {
    return false; // Not JSON, so not of this API; the caller answers for the agent.
  }
}
