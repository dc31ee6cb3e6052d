/**
 * Generated answers of members through a real gateway to real clients, counted at both ends.
 *
 * Each lane has a service with one member of its own: what clients sent and what the gateway says that
 * it sent again must be what the members read. And once the member has said all and the gateway has given its connection
 * up, an ordinary request of the same lane must get exactly its own answer. (Bytes that come while
 * the next request is already on its way are its answer as far as anybody can know; no proxy can tell.)
 */
import { serviceName } from "@prunella/core/kernel";
import { fromLatin1, latin1 } from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { readResponses } from "../../shell/gateway/parser/fixtures/response-reader.ts";
import { askedHead, askedUpgrade } from "../../shell/gateway/parser/index.ts";
import { DataPathFixture, serviceOf } from "../peers/data-path-fixture.ts";
import { eventually } from "../peers/eventually.ts";
import { type BackendConnection, respond, ScriptedBackend } from "../peers/scripted-backend.ts";
import { splitAnswers } from "./answers.ts";
import { responseInput } from "./campaign.ts";
import { converse, piecesOf } from "./conversation.ts";
import { Draws } from "./draws.ts";
import { cutsFrom } from "./oracles.ts";
import { requestAsking, responseProblem } from "./response-judge.ts";
import { saySlowly } from "./slow-speech.ts";

export type ResponseTally = {
  readonly inputs: number;
  /** Inputs that hold a whole final answer. */
  readonly whole: number;
  /** Requests that clients sent, those that the gateway sent again, and those that members read. */
  readonly asked: number;
  readonly repeated: number;
  readonly read: number;
  /** Client connections that the gateway still has when all clients are gone. */
  readonly leftOpen: number;
  /** With seed and input, one character per byte. */
  readonly failures: readonly string[];
};

type Spoken = { readonly connection: BackendConnection; readonly done: Promise<void> };

type Speech = { readonly input: Uint8Array; readonly cuts: readonly number[] };

const laneCount = 16;
const failuresMax = 10;

/** One service, one member, and one client after the other. */
class Lane {
  readonly name: string;
  readonly backend: ScriptedBackend;
  asked = 0;
  read = 0;
  #speech: Speech | undefined;
  /** The last time that the member was asked for it. */
  #spoken: Spoken | undefined;

  private constructor(name: string, backend: ScriptedBackend) {
    this.name = name;
    this.backend = backend;
  }

  static async start(index: number): Promise<Lane> {
    const backend = await ScriptedBackend.start({});
    const lane = new Lane(`lane-${index}`, backend);
    backend.script = {
      answer: ({ target }, connection) => {
        lane.read += 1;
        if (!target.endsWith("/odd")) return respond(`good ${target}`);
        const { input, cuts } = lane.#speech ?? { input: new Uint8Array(0), cuts: [] };
        lane.#spoken = { connection, done: saySlowly(connection, piecesOf(input, cuts)) };
        return undefined;
      },
    };
    return lane;
  }

  /** Says what is wrong, or undefined. */
  async attempt(port: number, speech: Speech, asked: number): Promise<string | undefined> {
    this.#speech = speech;
    this.#spoken = undefined;
    this.asked += 1;
    const request = fromLatin1(requestAsking(asked, `/${this.name}/odd`));
    const { received } = await converse(port, [request]);
    const spoken = this.#lastSpoken();
    if (spoken === undefined) return `the member was not asked; received ${received}`;
    await spoken.done;
    await eventually("the gateway to give the connection up", () => spoken.connection.closed);
    const problem = responseProblem(speech.input, asked, received);
    return problem ?? (await this.#sane(port));
  }

  #lastSpoken(): Spoken | undefined {
    return this.#spoken;
  }

  /** An ordinary request gets exactly its own answer. */
  async #sane(port: number): Promise<string | undefined> {
    this.asked += 1;
    const target = `/${this.name}/${this.asked}`;
    const { received } = await converse(port, [fromLatin1(requestAsking(0, target))]);
    const { finals, rest } = splitAnswers(received, ["GET"]);
    const isRight = finals.length === 1 && rest === "" && finals[0]?.body === `good ${target}`;
    return isRight ? undefined : `afterwards a good request got ${JSON.stringify(received)}`;
  }
}

export async function runResponseCampaign(seed: number, count: number): Promise<ResponseTally> {
  const lanes = await Promise.all(Array.from({ length: laneCount }, (_, n) => Lane.start(n)));
  const services = lanes.map(({ name, backend }) =>
    serviceOf([backend], { name: serviceName(name), routes: [{ prefix: `/${name}` }] }),
  );
  await using fixture = await DataPathFixture.start(services);
  const failures: string[] = [];
  let [inputs, whole] = [0, 0];
  const work = async (lane: Lane): Promise<void> => {
    while (inputs < count && failures.length < failuresMax) {
      const current = (seed + inputs++) >>> 0;
      const draws = new Draws(current ^ 0x2545f491);
      const input = responseInput(current);
      const asked = draws.one([0, 0, 0, askedHead, askedUpgrade]);
      const cuts = cutsFrom(draws, input.length);
      if (hasFinal(input, asked)) whole += 1;
      const problem = await lane.attempt(fixture.port, { input, cuts }, asked).catch(String);
      if (problem === undefined) continue;
      failures.push(
        `seed ${current}, asked ${asked}: ${problem}; input ${JSON.stringify(latin1(input))}, cut at ${cuts}`,
      );
    }
  };
  await Promise.all(lanes.map(work));
  const open = (): number =>
    Object.values(fixture.path.snapshot().clientConnections).reduce((sum, each) => sum + each, 0);
  await eventually("all connections to end", () => open() === 0).catch(() => undefined);
  const leftOpen = open();
  const repeated = fixture.path
    .snapshot()
    .services.reduce((sum, { retries }) => sum + (retries["spent"] ?? 0), 0);
  for (const { backend } of lanes) await backend.close();
  const total = (what: "asked" | "read"): number =>
    lanes.reduce((sum, lane) => sum + lane[what], 0);
  const [asked, read] = [total("asked"), total("read")];
  return { inputs, whole, asked, repeated, read, leftOpen, failures };
}

function hasFinal(input: Uint8Array, asked: number): boolean {
  const { responses } = readResponses(input, [], { asked });
  return responses.some(({ facts }) => Number(facts["status"]) >= 200);
}
