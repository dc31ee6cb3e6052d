/**
 * Node's own client as a judge of responses: what a strict client reads from the same bytes.
 *
 * A real `node:http` client in its default, strict mode reads from a duplex stream in memory.
 */
import { type IncomingMessage, request } from "node:http";
import {
  type ReadResponse,
  readResponses,
} from "../../shell/gateway/parser/fixtures/response-reader.ts";
import { askedHead } from "../../shell/gateway/parser/index.ts";
import { MemoryConnection, pairs } from "./node-judge.ts";

/** What Node reads at most; by default a quarter of what we do. */
const headBytesMax = 65_536;

export type NodeResponse = {
  readonly status: number;
  readonly lines: readonly (readonly [string, string])[];
  readonly body: string;
};

export type NodeResponseReading = {
  readonly interim: number;
  readonly response: NodeResponse | undefined;
  readonly refusal: string | undefined;
};

/** Asks one question and reads `input` as the whole connection, ended by a FIN. */
async function readAsNodeClient(
  input: Uint8Array,
  method: "GET" | "HEAD",
): Promise<NodeResponseReading> {
  const connection = new MemoryConnection();
  const { promise, resolve } = Promise.withResolvers<NodeResponseReading>();
  let interim = 0;
  const end = (response: NodeResponse | undefined, refusal?: string): void => {
    resolve({ interim, response, refusal });
    connection.destroy();
  };
  const options = { method, createConnection: () => connection, maxHeaderSize: headBytesMax };
  const asked = request(options, (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    response.on("error", (error: NodeJS.ErrnoException) => end(undefined, error.code ?? "error"));
    response.on("end", () => end(described(response, parts)));
  });
  asked.on("information", () => interim++);
  asked.on("upgrade", () => end(undefined, "upgrade"));
  asked.on("error", (error: NodeJS.ErrnoException) => end(undefined, error.code ?? error.message));
  asked.end();
  connection.push(Buffer.from(input));
  connection.push(null);
  return await promise;
}

function described(response: IncomingMessage, parts: readonly Buffer[]): NodeResponse {
  return {
    status: response.statusCode ?? 0,
    lines: pairs(response.rawHeaders),
    body: Buffer.concat(parts).toString("latin1"),
  };
}

/**
 * Says how Node's client misreads a response that we accept. Not `compared` when the input does not
 * hold exactly one final response.
 */
export async function responseDifference(
  input: Uint8Array,
  method: "GET" | "HEAD",
): Promise<{ readonly compared: boolean; readonly problem?: string }> {
  const ours = readResponses(input, [], { asked: method === "HEAD" ? askedHead : 0 });
  const final = ours.responses.at(-1);
  const interims = ours.responses.slice(0, -1);
  const isWhole = ours.end === "idle" || ours.end === "closes";
  if (!isWhole || final === undefined || isInterim(final) || !interims.every(isInterim)) {
    return { compared: false };
  }
  // Behind an interim response that closes, Node reads nothing; we forward none of its Connection.
  if (interims.some((interim) => interim.facts["keepAlive"] !== true)) return { compared: false };
  const node = await readAsNodeClient(input, method);
  const { response, refusal } = node;
  if (response === undefined) {
    return { compared: true, problem: `Node refuses with ${refusal} what we accept` };
  }
  const isSame =
    node.interim === interims.length &&
    response.status === final.facts["status"] &&
    response.lines.length === final.facts["fieldCount"] &&
    response.body === final.body;
  if (isSame) return { compared: true };
  const readings = `${JSON.stringify(final)}, Node ${JSON.stringify(node)}`;
  return { compared: true, problem: `we read ${readings}` };
}

function isInterim(response: ReadResponse): boolean {
  return Number(response.facts["status"]) < 200;
}
