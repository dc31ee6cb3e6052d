/**
 * Goal: every row of the request tables, through real sockets, in front of a real `node:http` server.
 * Method: each row alone and between two good requests; whole, byte by byte, and cut in two at sampled
 * places. The first good request is answered, the row gets its status or reaches the server exactly as
 * read, and nothing behind a refusal is interpreted (G1, G2, G3, G5). The parser's own tests try every
 * place to cut.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceView } from "@prunella/wire/view";
import { Draws } from "../../../lab/fuzz/draws.ts";
import { expectationOf, forwardedCount, socketProblem } from "../../../lab/fuzz/socket-judge.ts";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { NodeBackend } from "../../../lab/peers/node-backend.ts";
import { chunkCases } from "../parser/fixtures/chunk-cases.ts";
import type { RequestCase } from "../parser/fixtures/request-case.ts";
import { requestFieldCases } from "../parser/fixtures/request-field-cases.ts";
import { requestForwardingCases } from "../parser/fixtures/request-forwarding-cases.ts";
import { requestFramingCases } from "../parser/fixtures/request-framing-cases.ts";
import { requestLineCases } from "../parser/fixtures/request-line-cases.ts";
import { everyCut, fromLatin1 } from "../parser/fixtures/request-reader.ts";
import { targetFormCases } from "../parser/fixtures/target-form-cases.ts";
import { createRequestLimits, requestChunkLimits } from "../parser/index.ts";

const good = "GET /good?id=7 HTTP/1.1\r\nHost: good.example\r\nX-Good: yes\r\n\r\n";
const byteByByteMax = 300;
const sampledCuts = 3;
const lanes = 8;

/** Bounds that no listener can be given; the parser's own tests try them. */
function needsOtherBounds({ limits, chunkLimits }: RequestCase): boolean {
  return limits?.methods !== undefined || chunkLimits?.tinyChunksMax !== undefined;
}

type Attempt = {
  readonly name: string;
  readonly input: Uint8Array;
  readonly cuts: readonly number[];
};

function attemptsOf(row: RequestCase, seed: number): readonly Attempt[] {
  const draws = new Draws(seed);
  return [row.input, good + row.input + good].flatMap((text, index) => {
    const input = fromLatin1(text);
    const where = index === 0 ? "alone" : "between good requests";
    const ways = [
      [],
      ...(input.length <= byteByByteMax ? [everyCut(input)] : []),
      ...Array.from({ length: sampledCuts }, () => [1 + draws.below(input.length - 1)]),
    ];
    return ways.map((cuts) => {
      const how = cuts.length > 1 ? "byte by byte" : cuts.length === 1 ? `cut at ${cuts}` : "whole";
      return { name: `${row.name}, ${where}, ${how}`, input, cuts };
    });
  });
}

/** Rows that need the same listener are tried on the same one. */
function shapeOf({ limits, chunkLimits }: RequestCase): string {
  const bodyBytesMax = chunkLimits?.bodyBytesMax;
  const { trustPeer = false, refuseDotSegments = true } = limits ?? {};
  return JSON.stringify({ bodyBytesMax, trustPeer, refuseDotSegments });
}

async function problemsOf(rows: readonly RequestCase[]): Promise<readonly string[]> {
  const [{ limits, chunkLimits } = { limits: {}, chunkLimits: {} }] = rows;
  await using backend = await NodeBackend.start();
  const changes: Partial<ServiceView> = {
    routes:
      limits?.refuseDotSegments === false ? [{ prefix: "/" }] : [{ prefix: "/" }, { prefix: "/x" }],
    ...(chunkLimits?.bodyBytesMax === undefined ? {} : { bodyBytesMax: chunkLimits.bodyBytesMax }),
  };
  await using fixture = await DataPathFixture.start([serviceOf([backend], changes)], {
    trustedProxies: limits?.trustPeer === true ? ["127.0.0.1"] : [],
  });
  const options = {
    limits: createRequestLimits({ ...limits, viaName: "shop" }),
    chunkLimits: { ...requestChunkLimits, ...chunkLimits },
  };
  const attempts = rows.flatMap((row, index) => attemptsOf(row, index + 1));
  const problems: string[] = [];
  let forwarded = 0;
  const next = attempts.values();
  const work = async (): Promise<void> => {
    for (const { name, input, cuts } of next) {
      const expected = expectationOf(input, options);
      forwarded += forwardedCount(expected);
      const problem = await socketProblem(fixture.port, input, cuts, expected, options).catch(
        String,
      );
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  if (backend.requestCount !== forwarded) {
    problems.push(`the server counts ${backend.requestCount} requests, the clients ${forwarded}`);
  }
  return [
    ...problems,
    ...backend.refusals.map((code) => `Node refuses with ${code} what we forward`),
  ];
}

const tables: readonly (readonly [string, readonly RequestCase[]])[] = [
  ["request lines", requestLineCases],
  ["targets that are no path", targetFormCases],
  ["fields", requestFieldCases],
  ["body framing", requestFramingCases],
  ["what is forwarded", requestForwardingCases],
  ["chunked bodies", chunkCases],
];

for (const [what, cases] of tables) {
  test(`the table of ${what} holds on real connections`, async () => {
    const rows = cases.filter((row) => !needsOtherBounds(row));
    const problems: string[] = [];
    for (const group of Map.groupBy(rows, shapeOf).values())
      problems.push(...(await problemsOf(group)));
    assert.deepEqual(problems.slice(0, 20), []);
    assert.ok(rows.length > cases.length - 5, "nearly all rows were tried");
  });
}
