/** Elections of real processes: killed, stopped, handed over, restarted, and cut from each other. */
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createElection } from "./index.ts";
import { Group } from "./testing/group.ts";

const deadline = { timeout: 240_000 };

for (const count of [3, 5]) {
  test(
    `${count} processes: the leader is killed, another one leads a higher term`,
    deadline,
    async () => {
      await using group = await Group.start({ count });
      const first = await group.settled();
      await first.process.kill();
      const second = await group.settled(first.term);
      assert.notEqual(second.process.id, first.process.id);
      assert.ok(second.term > first.term);
      first.process.launch(); // It comes back and takes nothing from anybody.
      // A busy machine may have had one more election by then.
      await first.process.fact(
        (fact) => fact.type === "follower" && Number(fact["term"]) >= second.term,
      );
    },
  );
}

test(
  "whoever started the leader proves its end, and nobody waits out the lease",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3, timing: "wan" });
    const first = await group.settled();
    await group.killAndTell(first.process);
    const second = await group.settled(first.term);
    const suspect = await second.process.fact((fact) => fact["reason"] === "exited");
    assert.ok(
      Number(second.fact["atMs"]) - Number(suspect["atMs"]) < 4_000,
      "before the silence ends",
    );
  },
);

test("a leader that was stopped and wakes up late cannot write any more", deadline, async () => {
  await using group = await Group.start({ count: 3, timing: "demo" });
  const first = await group.settled();
  first.process.say("write");
  await first.process.fact("written");
  first.process.signal("SIGSTOP");
  const second = await group.leader(first.term);
  second.process.say("write");
  await second.process.fact("written");
  first.process.signal("SIGCONT");
  first.process.say("write-stale");
  const refused = await first.process.fact("write-refused");
  assert.equal(refused["code"], "FENCE_STALE");
  assert.equal(readFileSync(group.fencedFile, "utf8"), `${second.process.id}\n`);
  await first.process.fact("ended");
  await first.process.fact(
    (fact) => fact.type === "follower" && fact["term"] === second.fact["term"],
  );
});

test(
  "a planned handover goes to another member and ends the old leadership first",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3, timing: "lan" });
    const first = await group.settled();
    first.process.say("resign");
    const second = await group.settled(first.term);
    assert.notEqual(second.process.id, first.process.id);
    const ended = await first.process.fact("ended");
    assert.match(`${ended["why"]}`, /resign/);
    await first.process.fact("resigned");
  },
);

test("SIGTERM of the leader is a handover too", deadline, async () => {
  await using group = await Group.start({ count: 3, timing: "lan" });
  const first = await group.settled();
  const before = new Map(group.processes.map(({ id, facts }) => [id, facts.length]));
  await first.process.kill("SIGTERM");
  const second = await group.settled(first.term);
  assert.notEqual(second.process.id, first.process.id);
  const suspect = await second.process.fact("suspect", before.get(second.process.id));
  assert.equal(suspect["reason"], "resigned", "its last word has left before its process");
});

test(
  "a better member that comes back is given the lead where that is wanted",
  deadline,
  async () => {
    const changes = { preempt: "always" } as const;
    await using group = await Group.start({ count: 3, timing: "demo", changes });
    const best = group.processes.at(-1);
    assert.ok(best !== undefined);
    const first = await best.fact("leader");
    await group.killAndTell(best);
    const { process, fact } = await group.leader(Number(first["term"]));
    assert.notEqual(process, best);
    best.launch();
    const again = await best.fact("leader");
    assert.ok(Number(again["term"]) > Number(fact["term"]));
    assert.ok(process.isRunning);
  },
);

test("all are killed and come back: terms go on rising", deadline, async () => {
  await using group = await Group.start({ count: 3, timing: "demo" });
  const first = await group.settled();
  await Promise.all(group.processes.map((process) => process.kill()));
  for (const process of group.processes) process.launch();
  const second = await group.settled(first.term);
  assert.ok(second.term > first.term);
});

test("users of every member reach the leader", deadline, async () => {
  await using group = await Group.start({ count: 3, timing: "lan" });
  const { process: leader, term } = await group.settled();
  for (const process of group.processes) {
    const { web } = await process.fact("started");
    const answer = await fetch(`http://127.0.0.1:${web}/`);
    assert.equal(await answer.text(), leader.id);
    assert.equal(answer.headers.get("prunella-term"), `${term}`);
    const misdirected = await fetch(`http://127.0.0.1:${web}/`, {
      headers: { "prunella-term": `${term - 1}` },
    });
    assert.equal(misdirected.status, 421);
    assert.match(await misdirected.text(), /Nothing was done/);
  }
});

test(
  "two members and an arbiter: the record decides, and one member alone goes on",
  deadline,
  async () => {
    await using group = await Group.start({ count: 2, mode: "arbiter", timing: "demo" });
    const first = await group.settled();
    first.process.say("resign");
    const second = await group.settled(first.term);
    assert.notEqual(second.process.id, first.process.id);
    await second.process.kill();
    const third = await group.settled(second.term);
    assert.equal(third.process.id, first.process.id);
  },
);

test(
  "an arbiter's file that is removed ends one leadership and no election",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3, mode: "arbiter", timing: "demo" });
    const first = await group.settled();
    rmSync(join(group.folder, "record"));
    const second = await group.settled(first.term); // It finds no record of its own at the next renewal.
    assert.ok(second.term > first.term);
    await second.process.kill();
    const third = await group.settled(second.term);
    assert.ok(third.term > second.term);
  },
);

test(
  "a second process with the same name and folder is refused, and the first goes on",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3, timing: "demo" });
    const { process } = await group.settled();
    const double = createElection({
      ...group.optionsOf(process.id),
      listen: { host: "127.0.0.1", port: 0 },
    });
    await assert.rejects(double.start(), { code: "STATE_LOCKED" });
  },
);

test(
  "two processes with one name and folders of their own: it is noticed, and one leader remains",
  deadline,
  async () => {
    await using group = await Group.start({ count: 3 });
    const { process, term } = await group.settled();
    const follower = group.processes.find((one) => one !== process);
    assert.ok(follower !== undefined);
    const double = createElection({
      ...group.optionsOf(follower.id),
      folder: join(group.folder, "double"),
      listen: { host: "127.0.0.1", port: 0 },
    });
    await double.start();
    let led = 0;
    double.on("leader", () => {
      led += 1;
    });
    const alarmed = Promise.withResolvers<string>();
    double.on("alarm", ({ alarm }) => alarmed.resolve(alarm));
    for (const one of group.processes) {
      void one
        .fact((fact) => fact["alarm"] === "duplicate-name", 0, 30_000)
        .then(
          () => alarmed.resolve("duplicate-name"),
          () => undefined,
        );
    }
    assert.equal(await alarmed.promise, "duplicate-name");
    assert.equal((await group.leader()).fact["term"], term);
    assert.equal(led, 0);
    await double.stop();
  },
);

test("a group without a key, a folder or enough voters does not start, and says why", async () => {
  const members = [1, 2].map((n) => ({ id: `m-${n}`, host: "127.0.0.1", port: 10_000 + n }));
  const election = createElection({ cluster: "test", self: { id: "m-1" }, members });
  await assert.rejects(election.start(), (error: Error) => {
    assert.match(error.message, /there is no key/);
    assert.match(error.message, /needs a folder/);
    return true;
  });
});
