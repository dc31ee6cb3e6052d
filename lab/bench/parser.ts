/**
 * `npm run bench -- parser`: what the gateway's byte machines cost per message.
 *
 * All subjects take turns in each round, on `Buffer`s as sockets deliver them. Processor time of the
 * process is what counts, so that other work on the machine disturbs little; the median is shown.
 */
import { parseArgs } from "node:util";
import { ClusterError } from "@prunella/core/kernel";
import {
  ChunkScanner,
  createRequestLimits,
  defaultResponseLimits,
  keepFraming,
  parseRequestHead,
  parseResponseHead,
  RequestHead,
  ResponseHead,
  requestChunkLimits,
  resumeRequestHead,
} from "../../shell/gateway/parser/index.ts";
import { accepted, more } from "../../shell/gateway/refusals.ts";
import { browserLines } from "./gateway/load-generator.ts";
import { describeMachine, spreadOf, table, watchMachine, writeJson } from "./report.ts";

const help = `npm run bench -- parser [--rounds N] [--json FILE]
  --rounds N   rounds of about 20 ms per subject, default 31
  --json FILE  writes all numbers there`;

type Subject = { readonly name: string; readonly bytes: Buffer; readonly once: () => number };

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join("");

const smallRequest = lines("GET /home?id=1234567 HTTP/1.1", "Host: 127.0.0.1:8080", "");
const browserRequest = lines(
  "GET /home?id=1234567 HTTP/1.1",
  "Host: shop.example.org",
  ...browserLines,
  "",
);
const shortResponse = lines("HTTP/1.1 200 OK", "Content-Length: 62", "Server: hello", "");
const nodeResponse = lines(
  "HTTP/1.1 200 OK",
  "Content-Type: application/json",
  "Date: Sun, 06 Nov 1994 08:49:37 GMT",
  "Connection: keep-alive",
  "Keep-Alive: timeout=5",
  "Content-Length: 62",
  "",
);
const chunkedBody = `${`1000\r\n${"d".repeat(4_096)}\r\n`.repeat(4)}0\r\n\r\n`;
const largeHead = lines(
  "GET / HTTP/1.1",
  "Host: a",
  ...Array(125).fill(`X: ${"a".repeat(100)}`),
  "",
);

export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "31" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(help);
  const rounds = Number(values.rounds);
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new ClusterError("CONFIG_INVALID", { message: "--rounds must be a whole number from 1" });
  }

  const facts = watchMachine();
  const measured = measure(subjects(), rounds);
  const machine = facts();
  console.log(
    table(
      ["message", "bytes", "ns, median", "10 %", "90 %", "ns per byte"],
      measured.map(({ name, bytes, ns }) => [
        name,
        String(bytes),
        ns.median.toFixed(0),
        ns.low.toFixed(0),
        ns.high.toFixed(0),
        (ns.median / bytes).toFixed(2),
      ]),
    ),
  );
  console.log(`\n${describeMachine(machine)}`);
  if (values.json !== undefined) writeJson(values.json, { machine, measured });
}

function subjects(): readonly Subject[] {
  return [
    request("small request", smallRequest),
    request("browser request", browserRequest),
    response("response, two fields", shortResponse),
    response("response of Node", nodeResponse),
    body("chunked body, 4 x 4 KiB", chunkedBody),
    trickle("15 KiB head, byte by byte", largeHead),
  ];
}

function request(name: string, text: string): Subject {
  const bytes = Buffer.from(text);
  const limits = createRequestLimits({ viaName: "shop" });
  const head = new RequestHead();
  return { name, bytes, once: () => parseRequestHead(bytes, 0, bytes.length, limits, head) };
}

function response(name: string, text: string): Subject {
  const bytes = Buffer.from(text);
  const limits = defaultResponseLimits;
  const head = new ResponseHead();
  return { name, bytes, once: () => parseResponseHead(bytes, 0, bytes.length, limits, 0, head) };
}

function body(name: string, text: string): Subject {
  const bytes = Buffer.from(text);
  const scanner = new ChunkScanner();
  const once = (): number => {
    scanner.reset(requestChunkLimits, keepFraming);
    return scanner.scan(bytes, 0, bytes.length);
  };
  return { name, bytes, once };
}

function trickle(name: string, text: string): Subject {
  const bytes = Buffer.from(text);
  const limits = createRequestLimits();
  const head = new RequestHead();
  const once = (): number => {
    let result = parseRequestHead(bytes, 0, 1, limits, head);
    for (let end = 2; result === more; end++) result = resumeRequestHead(bytes, end, limits, head);
    return result;
  };
  return { name, bytes, once };
}

function measure(
  all: readonly Subject[],
  rounds: number,
): readonly {
  readonly name: string;
  readonly bytes: number;
  readonly ns: ReturnType<typeof spreadOf>;
}[] {
  const batchUs = 20_000;
  const counts = all.map((subject) => {
    repeat(subject, 2_000); // Warm: compiled code is what runs in a gateway.
    const us = repeat(subject, 2_000);
    return Math.max(1, Math.round((2_000 * batchUs) / Math.max(1, us)));
  });
  const times: number[][] = all.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of all.entries()) {
      const count = counts[index] ?? 1;
      times[index]?.push((1_000 * repeat(subject, count)) / count);
    }
  }
  return all.map(({ name, bytes }, index) => ({
    name,
    bytes: bytes.length,
    ns: spreadOf(times[index] ?? []),
  }));
}

/** Microseconds of processor time for `count` messages. */
function repeat(subject: Subject, count: number): number {
  const before = process.cpuUsage();
  for (let index = 0; index < count; index++) {
    if (subject.once() !== accepted) throw new Error(`${subject.name} was not accepted`);
  }
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
