/** What somebody on the network can do without the key: nothing that matters. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Authenticator } from "./authentication/authenticator.ts";
import { KeyRing } from "./authentication/key-ring.ts";
import { Group, pause } from "./testing/group.ts";
import { Flood, forgeries, post, recorded } from "./testing/stranger.ts";

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

test("forged messages neither lead nor depose, whatever they claim", deadline, async () => {
  await using group = await Group.start({ count: 3 });
  const { process } = await group.settled();
  const target = group.members.find(({ id }) => id === process.id);
  const other = group.members.find(({ id }) => id !== process.id);
  assert.ok(target !== undefined && other !== undefined);
  const before = await status(target.port);
  const { kid } = KeyRing.of(group.secret).signing;
  const about = { cluster: "test", from: other.id, to: target.id, kid };
  for (const shot of forgeries({ ...about, term: before.term + 1_000 })) {
    assert.equal((await post(target, shot)).status, 401, `${shot.kind} to ${shot.path}`);
  }
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
    const path = "/receive_election";
    const [shot] = await recorded(target, speaker, { role: "member", path, body, count: 1 });
    assert.ok(shot !== undefined);
    assert.equal((await post(target, shot)).status, 409);
    assert.equal((await post(other, shot)).status, 401);
    await process.kill();
    process.launch();
    await process.fact("started");
    assert.equal((await post(target, shot)).status, 401);
  },
);

test("connections of strangers do not keep an election from ending", deadline, async () => {
  await using group = await Group.start({ count: 3, timing: "demo" });
  const { process, term } = await group.settled();
  using flood = new Flood(() => group.members.map(({ port }) => port));
  while (flood.openedCount < 1_000) await pause(10);
  await process.kill();
  const next = await group.leader(term);
  assert.ok(Number(next.fact["term"]) > term);
});
