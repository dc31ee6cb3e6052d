/** The agent's stream as a source, with a server that says what the agent says. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { agentDiscovery } from "./agent.ts";
import type { DiscoveryNews } from "./discovery.ts";

const members = [
  { name: "a-1", number: 1, incarnation: 1, host: "127.0.0.1", port: 1, electionPort: 11, pid: 5 },
];

test("members and ends arrive, another agent is found, and a word is repeated until it is taken", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-agent-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [agentFile, tokenFile] = [join(folder, "agent.json"), join(folder, "token")];
  writeFileSync(tokenFile, "secret\n");
  const said: string[] = [];
  const refusals = [503, 408, 409];
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    assert.equal(request.headers.authorization, "Bearer secret");
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: open\n\nevent: members\ndata: ${JSON.stringify(members)}\n\n`);
      response.write('event: exit\ndata: {"name":"a-1","incarnation":1,"pid":5,"atMs":0}\n\n');
      return;
    }
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk;
    });
    request.on("end", () => {
      const refusal = refusals.shift();
      if (refusal === undefined) said.push(body);
      response.writeHead(refusal ?? 200).end("{}");
    });
  };
  const agents = [createServer(serve), createServer(serve)];
  for (const agent of agents) {
    agent.listen(0, "127.0.0.1");
    await once(agent, "listening");
    t.after(() => agent.close());
  }
  const announce = (index: number): void => {
    const address = agents[index]?.address() as AddressInfo | undefined;
    assert.ok(address !== undefined);
    const { port } = address;
    writeFileSync(agentFile, JSON.stringify({ url: `http://127.0.0.1:${port}`, pid: 1 }));
  };
  announce(0);
  const stop = new AbortController();
  const discovery = agentDiscovery({ service: "a", agentFile, tokenFile });
  const taken = discovery.report?.({ id: "a-1", incarnation: 1, term: 7, state: "leading" });
  const seen: DiscoveryNews[] = [];
  for await (const news of discovery.watch(stop.signal)) {
    seen.push(news);
    if (seen.length === 2) {
      announce(1); // The first agent goes, the next one has another port.
      agents[0]?.closeAllConnections();
    }
    if (seen.length === 4) break;
  }
  const list = [{ id: "a-1", host: "127.0.0.1", port: 11, number: 1 }];
  const expected = [
    { type: "members", members: list, mayVote: true },
    { type: "exit", id: "a-1", incarnation: 1, pid: 5 },
  ];
  assert.deepEqual(seen, [...expected, ...expected]);
  const endMs = performance.now() + 10_000;
  while (said.length === 0 && performance.now() < endMs) await new Promise(setImmediate);
  assert.deepEqual(JSON.parse(said[0] ?? "{}"), {
    name: "a-1",
    incarnation: 1,
    term: 7,
    state: "leading",
  });
  await taken;
  stop.abort();
  for (const agent of agents) agent.closeAllConnections();
});
