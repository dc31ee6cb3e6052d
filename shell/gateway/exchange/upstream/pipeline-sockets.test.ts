/**
 * Goal: sharing happens on real connections, and members that misbehave in the middle of a line cost
 * nobody a wrong answer (G3).
 * Method: bursts of clients against scripted members over sockets, and the counters of the gateway.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DataPathFixture, serviceOf } from "../../../../lab/peers/data-path-fixture.ts";
import { get } from "../../../../lab/peers/pipeline-bench.ts";
import {
  type BackendConnection,
  respond,
  type Script,
  ScriptedBackend,
} from "../../../../lab/peers/scripted-backend.ts";

const healthy: Script = { answer: ({ method, target }) => respond(`${method} ${target}`) };
const clientCount = 24;
const burstCount = 20;

/** Everybody asks at once, again and again; returns how many got an answer of a member, their own. */
async function burst(
  fixture: DataPathFixture,
  isOwn = (target: string, body: string): boolean => body === `GET ${target}`,
): Promise<number> {
  let own = 0;
  let clients = await Promise.all(Array.from({ length: clientCount }, () => fixture.client()));
  for (let round = 0; round < burstCount; round++) {
    const answers = await Promise.all(
      clients.map((client, index) => client.ask(get(`/${round}/${index}`))),
    );
    for (const [index, { status, body }] of answers.entries()) {
      const target = `/${round}/${index}`;
      assert.ok(status === 200 ? isOwn(target, body) : status === 502, `${target}: ${body}`);
      if (status === 200) own += 1;
    }
    clients = await Promise.all(
      clients.map(async (client, index) => {
        if (answers[index]?.status === 200) return client;
        client.destroy();
        return await fixture.client();
      }),
    );
  }
  for (const client of clients) client.destroy();
  return own;
}

test("bursts of clients share connections and each gets its own answer", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend], { pipelining: "safe" })]);
  assert.equal(await burst(fixture), clientCount * burstCount);
  assert.ok(fixture.service().pipelined > 50, `${fixture.service().pipelined} were pipelined`);
  assert.equal(fixture.service().members[0]?.inFlight, 0);
});

test("without the word of the service nothing is shared", async () => {
  await using backend = await ScriptedBackend.start(healthy);
  await using fixture = await DataPathFixture.start([serviceOf([backend])]);
  await burst(fixture);
  assert.equal(fixture.service().pipelined, 0);
});

const misdeeds: Readonly<Record<string, (connection: BackendConnection) => string | undefined>> = {
  "says close": () => respond("last", "Connection: close"),
  "ends with its connection": (connection) => {
    connection.write("HTTP/1.1 200 OK\r\n\r\nlast");
    connection.socket.end();
    return undefined;
  },
  "dies instead of an answer": (connection) => {
    connection.socket.resetAndDestroy();
    return undefined;
  },
  "dies in the middle of an answer": (connection) => {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
    connection.socket.destroy();
    return undefined;
  },
  "says garbage": () => "garbage\r\n\r\n",
};

for (const [name, act] of Object.entries(misdeeds)) {
  test(`a member that ${name} now and then gives nobody a wrong answer`, async () => {
    let count = 0;
    const wrongs = new Set<string>();
    await using bad = await ScriptedBackend.start({
      answer: ({ method, target }, connection) => {
        count += 1;
        if (connection.closed || connection.socket.writableEnded) return undefined;
        if (count % 23 !== 0) return respond(`${method} ${target}`);
        wrongs.add(target);
        return act(connection);
      },
    });
    await using good = await ScriptedBackend.start(healthy);
    await using fixture = await DataPathFixture.start([
      serviceOf([bad, good], { pipelining: "safe" }),
    ]);
    await burst(fixture, (target, body) => {
      return body === `GET ${target}` || (wrongs.has(target) && body.includes("last"));
    });
    assert.ok(wrongs.size > 5, `${wrongs.size} misdeeds`);
    assert.ok(fixture.service().pipelined > 10, `${fixture.service().pipelined} were pipelined`);
  });
}
