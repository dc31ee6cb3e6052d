/** Listens to the stream that electors listen to, and remembers what it said. */
import { setTimeout as delay } from "node:timers/promises";
import type { ElectionExit, ElectionMember } from "@prunella/wire/election";
import type { AgentUnderTest } from "./agent-under-test.ts";

const waitMsMax = 60_000;

export class ElectionTap implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #lists: (readonly ElectionMember[])[] = [];
  readonly #exits: ElectionExit[] = [];

  static async open(agent: AgentUnderTest, service: string): Promise<ElectionTap> {
    const tap = new ElectionTap();
    const path = `/v1/services/${service}/election/stream`;
    const answer = await agent.open(path, tap.#stop.signal);
    void tap.#read(answer).catch(() => undefined); // Aborted, or the agent has gone.
    return tap;
  }

  async members(): Promise<readonly ElectionMember[]> {
    return until(() => this.#lists.at(-1));
  }

  /** The first exit that was told. */
  async exit(): Promise<ElectionExit> {
    return until(() => this.#exits[0]);
  }

  /** How many members each list had. */
  sizes(): readonly number[] {
    return this.#lists.map(({ length }) => length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
  }

  async #read(answer: Response): Promise<void> {
    let text = "";
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#heard(block);
    }
  }

  #heard(block: string): void {
    const [, type, data] = /^event: (\w+)\ndata: (.*)$/m.exec(block) ?? [];
    if (type === "members") this.#lists.push(JSON.parse(data ?? ""));
    if (type === "exit") this.#exits.push(JSON.parse(data ?? ""));
  }
}

async function until<Found>(look: () => Found | undefined): Promise<Found> {
  const endAtMs = performance.now() + waitMsMax;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > endAtMs) throw new Error("the stream did not say it");
    await delay(5);
  }
}
