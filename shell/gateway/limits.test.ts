import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { defaultLimits as limits } from "./limits.ts";
import { createRequestLimits, requestChunkLimits } from "./parser/index.ts";
import { defaultResponseLimits } from "./parser/response-head.ts";

const page = readFileSync(new URL("../../docs/reference/limits.md", import.meta.url), "utf8");
const request = createRequestLimits();
const chunks = requestChunkLimits;

const count = (value: number) => value.toLocaleString("en-US");
const seconds = (ms: number) => (ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${ms / 1_000} s`);
const bytes = (value: number) =>
  value % 1_048_576 === 0 ? `${value / 1_048_576} MiB` : `${value / 1_024} KiB`;

/** Row of the page, and what its second column must say in this order. */
const rows: Readonly<Record<string, readonly string[]>> = {
  "client connections": [
    count(limits.clientConnectionsMax),
    `${count(limits.clientConnectionsPerAddressMax)} an address`,
  ],
  "request head": [
    bytes(request.headBytesMax),
    `${count(request.fieldsMax)} lines`,
    `target ${count(request.targetBytesMax)} bytes`,
    seconds(limits.headMs),
  ],
  "request body": [
    `${seconds(limits.bodyMs)} without progress`,
    `below ${limits.bodyBytesPerSecondMin} B/s after ${seconds(limits.bodyRateAfterMs)}`,
  ],
  trailers: [bytes(chunks.trailerBytesMax), `${chunks.trailersMax} lines`],
  "chunk extensions": [
    `${chunks.extensionLineBytesMax} bytes a line`,
    `${bytes(chunks.extensionBytesMax)} a message`,
  ],
  "wait for news of a leader": [seconds(limits.leaderNewsMs)],
  "last word of a leader that was overtaken": [seconds(limits.lastWordMs)],
  "response head": [bytes(defaultResponseLimits.headBytesMax)],
  "response body without progress; client that does not read": [seconds(limits.responseBodyMs)],
  "idle client connection": [seconds(limits.idleMs)],
  "requests on one connection": [count(limits.requestsPerConnectionMax)],
  "connect to an instance": [`${limits.connectLocalMs} ms on this machine`],
  "connections to a member": [
    count(limits.upstreamConnectionsMax),
    `${limits.upstreamIdleMax} of them idle`,
    seconds(limits.upstreamIdleMs),
  ],
  "requests that share a connection to a member": [
    `${limits.upstreamPipelineMax} (`,
    `behind others ${seconds(limits.upstreamPipelineMs)}`,
  ],
  "request that gathers with others for a quick member": [`${limits.upstreamGatherMs} ms`],
  "requests in flight to a member": [count(limits.maxInFlight)],
  "requests that wait for a member": [
    count(limits.heldMax),
    `${bytes(limits.heldBytesMax)} a service`,
    seconds(limits.holdMs),
  ],
  "retries of a request": [`${limits.retriesMax},`],
  "request body kept for a retry": [
    bytes(limits.keptBytesMax),
    `${bytes(limits.keptBytesTotalMax)} over all`,
  ],
  "bytes read ahead of a pipelining client": [bytes(limits.pendingBytesMax)],
  "buffered bytes of the process": [bytes(limits.bufferedBytesMax)],
  "TCP connections of all services": [count(limits.tcpConnectionsMax)],
  "connect of a TCP connection": [seconds(limits.connectRemoteMs)],
  "tunnels (websocket)": [
    `${seconds(limits.tunnelIdleMs)} idle`,
    `${seconds(limits.tunnelDrainMs)} on drain`,
  ],
};

test("the page of limits says what the gateway keeps to", () => {
  assert.equal(limits.slowReaderMs, limits.responseBodyMs, "the page has one row for both");
  for (const [what, told] of Object.entries(rows)) {
    const line = page.split("\n").find((candidate) => candidate.startsWith(`| ${what} |`));
    const limit = line?.split("|")[2] ?? "";
    let from = 0;
    for (const part of told) {
      const at = limit.indexOf(part, from);
      assert.ok(at >= 0, `docs/reference/limits.md, "${what}": "${part}" is not in "${limit}"`);
      from = at + part.length;
    }
  }
});
