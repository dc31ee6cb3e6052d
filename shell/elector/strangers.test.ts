/** What somebody on the network can do without the key: nothing that matters. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { instanceName } from "@prunella/core/kernel";
import { Authenticator } from "./authentication/authenticator.ts";
import { KeyRing, newKey } from "./authentication/key-ring.ts";
import { signatureHeader } from "./authentication/signature.ts";
import { Group } from "./testing/group.ts";

const deadline = { timeout: 240_000 };
type Status = {
  readonly term: number;
  readonly boot: string;
  readonly leader: { readonly id: string; readonly term: number; readonly boot: string } | null;
};

async function status(port: number): Promise<Status> {
  const answer = await fetch(`http://127.0.0.1:${port}/election/status`);
  return (await answer.json()) as Status;
}

async function post(port: number, path: string, body: string, header?: string): Promise<number> {
  const headers = { "content-type": "application/json", connection: "close" };
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    body,
    headers: header === undefined ? headers : { ...headers, [signatureHeader]: header },
  });
  await answer.text();
  return answer.status;
}

/** An announcement that would depose anybody, if it were believed. */
function announcement(from: string, to: string, term: number): string {
  const boot = "i0-p1-0123456789abcdef";
  const leader = { member: instanceName(from), boot };
  return JSON.stringify({
    v: 2,
    cluster: "test",
    from: { id: from, boot },
    to,
    message: {
      kind: "announce",
      leader,
      term,
      token: `${term}`,
      seq: 1,
      sentAtMs: 0,
      phase: "leading",
      successors: [],
      viewSize: 3,
      history: [],
      voters: { term: 0, version: 1, members: [] },
    },
  });
}

test("forged messages neither lead nor depose, whatever they claim", deadline, async () => {
  await using group = await Group.start({ count: 3 });
  const { process } = await group.settled();
  const target = group.members.find(({ id }) => id === process.id);
  const other = group.members.find(({ id }) => id !== process.id);
  assert.ok(target !== undefined && other !== undefined);
  const before = await status(target.port);
  const forger = new Authenticator({
    identity: { cluster: "test", id: other.id, boot: "i0-p1-0123456789abcdef" },
    keys: KeyRing.of(newKey()),
  });
  const paths = ["/receive_coordinator", "/declare_leader", "/receive_election", "/receive_answer"];
  for (const path of [...paths, "/become_coordinator", "/election_ongoing", "/election/resign"]) {
    const body = announcement(other.id, target.id, before.term + 1_000);
    assert.equal(await post(target.port, path, body), 401, path);
    const { header } = forger.sign("member", target.id, { method: "POST", path, body });
    assert.equal(await post(target.port, path, body, header), 401, path);
  }
  assert.equal(await post(target.port, "/become_coordinator", '{"force":true}'), 401);
  const after = await status(target.port);
  assert.deepEqual([after.leader, after.term], [before.leader, before.term]);
});

test(
  "a recorded message is refused when it is sent again, also after a restart",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3 });
    const { process } = await group.settled();
    const target = group.members.find(({ id }) => id === process.id);
    const other = group.members.find(({ id }) => id !== process.id);
    assert.ok(target !== undefined && other !== undefined);
    // Somebody with the key speaks once; somebody without it has listened.
    const boot = "i0-p1-00112233445566ff";
    const speaker = new Authenticator({
      identity: { cluster: "test", id: other.id, boot },
      keys: KeyRing.of(group.secret),
    });
    const body = JSON.stringify({
      v: 2,
      cluster: "test",
      from: { id: other.id, boot },
      to: target.id,
      message: { kind: "recall", nonce: 1 },
    });
    const request = { method: "POST", path: "/receive_election", body };
    const first = speaker.sign("member", target.id, request);
    const answer = await fetch(`http://127.0.0.1:${target.port}${request.path}`, {
      method: "POST",
      body,
      headers: { [signatureHeader]: first.header },
    });
    assert.equal(answer.status, 401);
    const text = await answer.text();
    const isOurs = first.answered(401, text, answer.headers.get(signatureHeader) ?? undefined);
    assert.ok(isOurs, "the nonce is signed");
    const { nonce } = JSON.parse(text) as { readonly nonce: string };
    const { header } = speaker.sign("member", target.id, request, nonce);
    assert.equal(await post(target.port, request.path, body, header), 200);
    assert.equal(await post(target.port, request.path, body, header), 409);
    await process.kill();
    process.launch();
    await process.fact("started");
    assert.equal(await post(target.port, request.path, body, header), 401);
  },
);

test(
  "a thousand idle connections of strangers do not keep an election from ending",
  deadline,
  async (t) => {
    await using group = await Group.start({ count: 3, timing: "demo" });
    const { process, term } = await group.settled();
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const { port } of group.members) {
      for (let index = 0; index < 334; index++) {
        const socket = connect({ host: "127.0.0.1", port });
        socket.on("error", () => socket.destroy());
        sockets.push(socket);
        if (index % 50 === 0) await once(socket, "connect");
        socket.write(
          "POST /receive_election HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n",
        );
      }
    }
    await process.kill();
    const next = await group.leader(term);
    assert.ok(Number(next.fact["term"]) > term);
  },
);
