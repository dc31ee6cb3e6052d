/**
 * Goal: every row of the response table, through real sockets.
 * Method: a member answers each row whole, byte by byte and cut at sampled places, always between two good
 * requests of other clients. What the pure reading accepts arrives with the same meaning; what it refuses
 * becomes 502, or visibly breaks when the body had begun; the good answers stay as they are (G3, G4, G7).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { splitAnswers } from "../../../lab/fuzz/answers.ts";
import { converse, piecesOf } from "../../../lab/fuzz/conversation.ts";
import { Draws } from "../../../lab/fuzz/draws.ts";
import { requestAsking, responseProblem } from "../../../lab/fuzz/response-judge.ts";
import { saySlowly } from "../../../lab/fuzz/slow-speech.ts";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { respond, ScriptedBackend } from "../../../lab/peers/scripted-backend.ts";
import { everyCut, fromLatin1 } from "../parser/fixtures/request-reader.ts";
import type { ResponseCase } from "../parser/fixtures/response-case.ts";
import { responseCases } from "../parser/fixtures/response-cases.ts";

const byteByByteMax = 300;
const sampledCuts = 3;

type Attempt = { readonly row: ResponseCase; readonly cuts: readonly number[] };

function attemptsOf(row: ResponseCase, seed: number): readonly Attempt[] {
  const draws = new Draws(seed);
  const input = fromLatin1(row.input);
  const ways = [
    [],
    ...(input.length <= byteByByteMax ? [everyCut(input)] : []),
    ...Array.from({ length: sampledCuts }, () => [1 + draws.below(input.length - 1)]),
  ];
  return ways.map((cuts) => ({ row, cuts }));
}

test("the table of responses holds on real connections, between good ones", async () => {
  let current: Attempt | undefined;
  await using backend = await ScriptedBackend.start({
    answer: ({ target }, connection) => {
      if (target !== "/row" || current === undefined) return respond(`good ${target}`);
      void saySlowly(connection, piecesOf(fromLatin1(current.row.input), current.cuts));
      return undefined;
    },
  });
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  const rows = responseCases.filter(({ limits }) => limits === undefined);
  const problems: string[] = [];
  let count = 0;
  for (const attempt of rows.flatMap((row, index) => attemptsOf(row, index + 1))) {
    const { row, cuts } = attempt;
    current = attempt;
    const name = `${row.name}, ${cuts.length > 1 ? "byte by byte" : `cut at [${cuts}]`}`;
    const { asked = 0 } = row;
    const input = fromLatin1(row.input);
    try {
      const request = [fromLatin1(requestAsking(asked, "/row"))];
      const { received } = await converse(fixture.port, request);
      const problem = responseProblem(input, asked, received, "\x81\0");
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
      const after = await converse(fixture.port, [fromLatin1(requestAsking(0, `/${++count}`))]);
      const [answer] = splitAnswers(after.received, ["GET"]).finals;
      if (answer?.body !== `good /${count}`) problems.push(`${name}: then ${after.received}`);
    } catch (error) {
      problems.push(`${name}: ${String(error)}`);
    }
  }
  assert.deepEqual(problems.slice(0, 20), []);
  assert.ok(count > 400, `only ${count} attempts`);
});
