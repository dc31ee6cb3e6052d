/**
 * wrk as the load generator: one thread, requests written beforehand, results as JSON. As fast as
 * answers come, or paced by a think time: many connections that each wait a random while between
 * requests, so that a slow answer holds back one of hundreds and the rest go on sending.
 *
 * wrk's clock for delays has a resolution of 1 ms, so requests leave in small bursts - equal for all.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { keyCount, type LoadShape } from "./case-table.ts";

export type LoadOptions = LoadShape & {
  readonly port: number;
  readonly seconds: number;
  readonly core: number;
  /** Where the script for wrk goes. */
  readonly scriptFile: string;
  /** Mean time between an answer and the next request of a connection; 0 for none. */
  readonly thinkMs?: number;
};

export type LoadResult = {
  readonly requests: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
};

/** An answer that takes longer is an error; wrk also sizes its histogram by it. */
const timeoutSeconds = 5;
const graceMs = 15_000;

/** What a browser sends beside the request line and Host. */
export const browserLines: readonly string[] = [
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="140", "Not;A=Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: navigate",
  "Sec-Fetch-Dest: document",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-US,en;q=0.9",
  "Cookie: session=0123456789abcdef",
];

/** Keys are spread over the whole range by an odd factor and always have eight digits. */
export function keyOf(index: number): number {
  return 10_000_000 + ((index * 7_919_731) % 90_000_000);
}

/** The head of a request, with `{id}` where the key belongs. */
export function requestHead({ path, head, bodyBytes, closes }: LoadShape): string {
  const lines = [
    `${bodyBytes === undefined ? "GET" : "POST"} ${path}?id={id} HTTP/1.1`,
    "Host: shop.example.org",
    ...(head === "browser" ? browserLines : []),
    ...(closes ? ["Connection: close"] : []),
    ...(bodyBytes === undefined ? [] : [`Content-Length: ${bodyBytes}`]),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The Lua that wrk runs. Large bodies are kept once: with one key less memory is copied about. */
export function wrkScript(shape: LoadShape, thinkMs = 0): string {
  const { bodyBytes = 0 } = shape;
  const keys = bodyBytes > 65_536 ? 16 : keyCount;
  const head = JSON.stringify(requestHead(shape)); // Lua reads the same escapes.
  const delay = `
math.randomseed(os.time())
function delay() return math.random(0, ${Math.round(2 * thinkMs)}) end`;
  return `local ids = {${Array.from({ length: keys }, (_, index) => keyOf(index)).join(",")}}
local body = string.rep("x", ${bodyBytes})
local requests = {}
for index, id in ipairs(ids) do
  local head = string.gsub(${head}, "{id}", id)
  requests[index] = head .. body
end
local at = 0
function request()
  at = at % ${keys} + 1
  return requests[at]
end${thinkMs > 0 ? delay : ""}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"durationUs":%d,"bytes":%d,"errors":%d,"p50Us":%d,"p99Us":%d,"p999Us":%d,"maxUs":%d}\\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
`;
}

/** @throws Error with wrk's own words when there is no result line. */
export function parseWrk(output: string): LoadResult {
  const line = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (line === undefined) throw new Error(`wrk gave no result: ${output.trim() || "no output"}`);
  const { durationUs, ...result } = JSON.parse(line);
  return { ...result, seconds: durationUs / 1e6 };
}

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { connections, seconds, core, port, scriptFile, thinkMs } = options;
  writeFileSync(scriptFile, wrkScript(options, thinkMs));
  const sized = ["-t1", `-c${connections}`, `-d${seconds}s`, `--timeout=${timeoutSeconds}s`];
  const target = ["-s", scriptFile, `http://127.0.0.1:${port}/`];
  const child = spawn("taskset", ["-c", `${core}`, "wrk", ...sized, ...target], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return parseWrk(await outputOf(child, seconds * 1_000 + graceMs));
}

async function outputOf(child: ChildProcess, atMostMs: number): Promise<string> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => {
      output += text;
    });
  }
  const deadline = setTimeout(() => child.kill("SIGKILL"), atMostMs);
  try {
    await once(child, "close");
  } finally {
    clearTimeout(deadline);
    child.kill("SIGKILL"); // Only when something above failed.
  }
  return output;
}
