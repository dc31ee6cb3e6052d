/** A data path on a free port in front of backends, with a view that a test can change. */
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { MemberState, MemberView, ServiceView, View } from "@prunella/wire/view";
import { DataPath, type DataPathOptions } from "../../shell/gateway/data-path.ts";
import type { Limits } from "../../shell/gateway/limits.ts";
import type { ServiceSnapshot } from "../../shell/gateway/observation/snapshot.ts";
import { RawClient } from "./raw-client.ts";

export type MemberShape = {
  readonly port: number;
  readonly id?: string;
  readonly incarnation?: number;
  readonly state?: MemberState;
  readonly served?: boolean;
  readonly weight?: number;
};

export function memberOf(shape: MemberShape, index: number): MemberView {
  const { id = `hello-${index + 1}`, incarnation = 1, state = "serving", weight = 1 } = shape;
  return {
    id: instanceName(id),
    incarnation,
    host: "127.0.0.1",
    port: shape.port,
    weight,
    state,
    number: index + 1,
    served: shape.served ?? true,
    hostname: id,
  };
}

/** The suites run once more with it: `shell/gateway/conformance/pipelining.test.ts`. */
const pipelining: Pick<ServiceView, "pipelining"> =
  process.env["LAB_PIPELINING"] === "safe" ? { pipelining: "safe" } : {};

export function serviceOf(
  members: readonly MemberShape[],
  changes: Partial<ServiceView> = {},
): ServiceView {
  return {
    name: serviceName("hello"),
    kind: "replicas",
    routes: [{ prefix: "/" }],
    keys: [{ from: "request" }],
    placement: "default",
    seed: 0,
    timeoutMs: 10_000,
    bodyBytesMax: 1_073_741_824,
    members: members.map(memberOf),
    ...pipelining,
    ...changes,
  };
}

/** An elected service of two members or more; `leads` is the index of the leader, if there is one. */
export function electedOf(
  members: readonly MemberShape[],
  leads: number | undefined,
  term: number,
  changes: Partial<ServiceView> = {},
): ServiceView {
  const service = serviceOf(members, { kind: "elected", ...changes });
  const leader = leads === undefined ? undefined : service.members[leads];
  if (leader === undefined) return service;
  const { id: member, incarnation } = leader;
  return { ...service, leader: { member, incarnation, term, state: "leading" } };
}

/** On a busy machine a test takes its time; those that are about these limits set their own. */
const patient: Partial<Limits> = { headMs: 60_000, firstByteMs: 60_000 };

export class DataPathFixture implements AsyncDisposable {
  readonly path: DataPath;
  port = 0;
  #version = 0;

  private constructor(options: Partial<DataPathOptions>) {
    const limits = { ...patient, ...options.limits };
    this.path = new DataPath({ cluster: "shop", ...options, limits });
  }

  static async start(
    services: readonly ServiceView[],
    options: Partial<DataPathOptions> = {},
  ): Promise<DataPathFixture> {
    const fixture = new DataPathFixture(options);
    fixture.show(...services);
    fixture.port = (await fixture.path.listen({ host: "127.0.0.1", port: 0 })).port;
    return fixture;
  }

  /** Publishes the next view. */
  show(...services: readonly ServiceView[]): void {
    this.#version += 1;
    const view: View = {
      cluster: "shop",
      agentTerm: 1,
      version: this.#version,
      controlUrl: "",
      services,
    };
    this.path.applyView(view);
  }

  async client(keep = true): Promise<RawClient> {
    return await RawClient.connect(this.port, keep);
  }

  service(index = 0): ServiceSnapshot {
    const service = this.path.snapshot().services[index];
    if (service === undefined) throw new Error("the view has no such service");
    return service;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.path.close();
  }
}
