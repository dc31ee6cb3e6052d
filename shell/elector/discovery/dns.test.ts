/** Members found behind a name, with a name server that answers as a headless Service does. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { DiscoveryNews } from "./discovery.ts";
import { dnsDiscovery } from "./dns.ts";

/** Answers A questions with these addresses and everything else with nothing. Source: RFC 1035. */
function answered(question: Buffer, addresses: readonly string[]): Buffer {
  let end = 12;
  while ((question[end] ?? 0) !== 0) end += (question[end] ?? 0) + 1;
  end += 5;
  const isA = question.readUInt16BE(end - 4) === 1;
  const given = isA ? addresses : [];
  const head = Buffer.from(question.subarray(0, end));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(given.length, 6);
  head.writeUInt16BE(0, 10);
  const records = given.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}

test("a name server says where, each member says who, and the list follows both", async (t) => {
  let addresses = ["127.0.0.1"];
  const names = createSocket("udp4");
  names.on("message", (question, { port, address }) => {
    names.send(answered(question, addresses), port, address);
  });
  names.bind(0, "127.0.0.1");
  await once(names, "listening");
  t.after(() => names.close());
  const member = createServer((request, response) => {
    const host = request.headers.host ?? "";
    const isOld = host.startsWith("127.0.0.3");
    response.end(isOld ? "3" : JSON.stringify({ v: 2, id: "m-1", number: 1, priority: 0 }));
  }).listen(0, "0.0.0.0");
  await once(member, "listening");
  t.after(() => {
    member.closeAllConnections();
    member.close();
  });
  const { port } = member.address() as AddressInfo;
  const discovery = dnsDiscovery({
    name: "bully-service",
    port,
    everyMs: 20,
    servers: [`127.0.0.1:${names.address().port}`],
  });
  const stop = new AbortController();
  const seen: DiscoveryNews[] = [];
  for await (const news of discovery.watch(stop.signal)) {
    seen.push(news);
    if (seen.length === 2) break;
    addresses = ["127.0.0.3", "127.0.0.1"];
  }
  const first = { id: "m-1", host: "127.0.0.1", port, number: 1, priority: 0 };
  const old = { id: "pod-3", host: "127.0.0.3", port, number: 3 };
  assert.deepEqual(seen, [
    { type: "members", mayVote: false, members: [first] },
    { type: "members", mayVote: false, members: [first, old] },
  ]);
});
