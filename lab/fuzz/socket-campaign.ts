/** Generated inputs through a real gateway to a real `node:http` server, counted at both ends. */

import { latin1 } from "../../shell/gateway/parser/fixtures/request-reader.ts";
import { createRequestLimits, requestChunkLimits } from "../../shell/gateway/parser/index.ts";
import { DataPathFixture, serviceOf } from "../peers/data-path-fixture.ts";
import { eventually } from "../peers/eventually.ts";
import { NodeBackend } from "../peers/node-backend.ts";
import { requestInput } from "./campaign.ts";
import { Draws } from "./draws.ts";
import { cutsFrom } from "./oracles.ts";
import { expectationOf, forwardedCount, socketProblem } from "./socket-judge.ts";

export type SocketTally = {
  readonly inputs: number;
  /** Requests that the clients know to have reached the server. */
  readonly forwarded: number;
  /** Requests that the server read to their end. */
  readonly serverCount: number;
  /** Inputs that ended with a refusal. */
  readonly refused: number;
  readonly refusedByServer: readonly string[];
  /** Client connections that the gateway still has when all clients are gone. */
  readonly leftOpen: number;
  /** With seed and input, one character per byte. */
  readonly failures: readonly string[];
};

/** Clients at the same time: they share the upstream connections, where a mix-up would show. */
const lanes = 16;
const failuresMax = 10;

export async function runSocketCampaign(seed: number, count: number): Promise<SocketTally> {
  await using backend = await NodeBackend.start();
  // Two routes, so that dot segments are refused as in the pure reading.
  const service = serviceOf([backend], { routes: [{ prefix: "/" }, { prefix: "/x" }] });
  await using fixture = await DataPathFixture.start([service]);
  const options = {
    limits: createRequestLimits({ viaName: "shop" }),
    chunkLimits: requestChunkLimits,
  };
  const failures: string[] = [];
  let [inputs, forwarded, refused] = [0, 0, 0];
  const work = async (): Promise<void> => {
    while (inputs < count && failures.length < failuresMax) {
      const current = (seed + inputs++) >>> 0;
      const input = requestInput(current);
      const cuts = cutsFrom(new Draws(current ^ 0x2545f491), input.length);
      const expected = expectationOf(input, options);
      forwarded += forwardedCount(expected);
      if (expected.refusedWith !== undefined) refused += 1;
      const problem = await socketProblem(fixture.port, input, cuts, expected, options).catch(
        String,
      );
      if (problem === undefined) continue;
      failures.push(
        `seed ${current}: ${problem}; input ${JSON.stringify(latin1(input))}, cut at ${cuts}`,
      );
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  const open = (): number => {
    const counts = Object.values(fixture.path.snapshot().clientConnections);
    return counts.reduce((sum, each) => sum + each, 0);
  };
  await eventually("all connections to end", () => open() === 0).catch(() => undefined);
  return {
    inputs,
    forwarded,
    serverCount: backend.requestCount,
    refused,
    refusedByServer: backend.refusals,
    leftOpen: open(),
    failures,
  };
}
