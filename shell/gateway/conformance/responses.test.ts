/**
 * Goal: every row of the response table, through real sockets.
 * Method: a member answers each row whole, byte by byte and cut at sampled places, always between two good
 * requests of other clients. What the pure reading accepts arrives with the same meaning; what it refuses
 * becomes 502, or visibly breaks when the body had begun; the good answers stay as they are (G3, G4, G7).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Answer, splitAnswers } from "../../../lab/fuzz/answers.ts";
import { converse, type Heard, piecesOf } from "../../../lab/fuzz/conversation.ts";
import { Draws } from "../../../lab/fuzz/draws.ts";
import { DataPathFixture, serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import {
  type BackendConnection,
  respond,
  ScriptedBackend,
} from "../../../lab/peers/scripted-backend.ts";
import { everyCut, fromLatin1 } from "../parser/fixtures/request-reader.ts";
import type { ResponseCase } from "../parser/fixtures/response-case.ts";
import { responseCases } from "../parser/fixtures/response-cases.ts";
import { type ResponseReading, readResponses } from "../parser/fixtures/response-reader.ts";
import { askedHead, askedUpgrade } from "../parser/index.ts";

const byteByByteMax = 300;
const sampledCuts = 3;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

function requestFor({ asked }: ResponseCase): string {
  if (asked === askedHead) return get("/row").replace("GET", "HEAD");
  if (asked !== askedUpgrade) return get("/row");
  return "GET /row HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
}

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

/** The member says the row in pieces, then FIN where the row needs or leaves it open. */
async function say(connection: BackendConnection, { row, cuts }: Attempt): Promise<void> {
  for (const piece of piecesOf(fromLatin1(row.input), cuts)) {
    if (connection.closed) return;
    connection.write(piece);
    if (cuts.length > 0) {
      await turn();
      await turn();
    }
  }
  connection.socket.end();
}

function problemOf({ row }: Attempt, heard: Heard): string | undefined {
  const reading = readResponses(fromLatin1(row.input), [], { asked: row.asked ?? 0 });
  const method = row.asked === askedHead ? "HEAD" : "GET";
  const { finals, rest } = splitAnswers(heard.received, [method]);
  const [answer] = finals;
  const shown = JSON.stringify(heard.received.slice(0, 400));
  if (finals.length > 1) return `several answers: ${shown}`;
  const wanted = reading.responses.at(-1);
  const isFinal = wanted !== undefined && Number(wanted.facts["status"]) >= 200;
  if (reading.end === "tunnel") {
    return answer?.status === 101 && rest === "\x81\0" ? undefined : `no tunnel: ${shown}`;
  }
  if (!isFinal) return brokenProblem(reading, answer, rest, shown);
  if (answer === undefined) return `no whole answer: ${shown}`;
  if (answer.status !== wanted.facts["status"]) return `status ${answer.status}: ${shown}`;
  const body = method === "HEAD" ? answer.body : plainBody(answer);
  if (body !== wanted.body) return `another body: ${shown}`;
  const lines = wanted.head
    .split("\r\n")
    .slice(1, -1)
    .filter((line) => !isFraming(line));
  const missing = lines.filter((line) => !answer.fields.includes(line));
  return missing.length > 0 ? `without ${missing.join(" | ")}: ${shown}` : undefined;
}

/** No whole final response came: 502, or half an answer that looks like half an answer. */
function brokenProblem(
  reading: ResponseReading,
  answer: Answer | undefined,
  rest: string,
  shown: string,
): string | undefined {
  if (answer?.status === 502 && rest === "") return undefined;
  const isHalf = answer === undefined && rest !== "" && !rest.endsWith("0\r\n\r\n");
  return isHalf ? undefined : `${reading.end} looks whole: ${shown}`;
}

function plainBody({ fields, body }: Answer): string {
  if (!fields.some((line) => /^transfer-encoding:/i.test(line))) return body;
  const whole = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
  return readResponses(fromLatin1(whole), []).responses[0]?.body ?? "(broken)";
}

function isFraming(line: string): boolean {
  return /^(?:content-length|transfer-encoding):/i.test(line);
}

test("the table of responses holds on real connections, between good ones", async () => {
  let current: Attempt | undefined;
  await using backend = await ScriptedBackend.start({
    answer: ({ target }, connection) => {
      if (target !== "/row" || current === undefined) return respond(`good ${target}`);
      void say(connection, current);
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
    const request = [fromLatin1(requestFor(row))];
    try {
      const heard = await converse(fixture.port, request);
      const problem = problemOf(attempt, heard);
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
      const after = await converse(fixture.port, [fromLatin1(get(`/${++count}`))]);
      const [answer] = splitAnswers(after.received, ["GET"]).finals;
      if (answer?.body !== `good /${count}`) problems.push(`${name}: then ${after.received}`);
    } catch (error) {
      problems.push(`${name}: ${String(error)}`);
    }
  }
  assert.deepEqual(problems.slice(0, 20), []);
  assert.ok(count > 400, `only ${count} attempts`);
});
