/** A member that knows the source's document only takes part in an election with ours. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Group, pause } from "../testing/group.ts";
import { oldNumber } from "./old-body.ts";

const script = join(import.meta.dirname, "..", "fixtures", "source-member.mjs");
const deadline = { timeout: 240_000 };

class SourceMember {
  readonly child: ChildProcess;
  readonly number: number;
  leader: number | undefined;

  constructor(number: number, group: Group) {
    this.number = number;
    const peers = group.members.map((member) => `${member.number}=${member.port}`).join(",");
    this.child = spawn(process.execPath, [script, `${number}`, peers], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { stdout } = this.child;
    if (stdout === null) throw new Error("no output");
    createInterface({ input: stdout }).on("line", (line) => {
      const said = JSON.parse(line) as { readonly leader?: number };
      this.leader = said.leader ?? this.leader;
    });
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

/** The number of the leader that everybody alive names, once they all name the same living one. */
async function agreement(group: Group, source: SourceMember, not?: number): Promise<number> {
  const endMs = performance.now() + 30_000;
  for (;;) {
    const words = group.processes
      .filter(({ isRunning }) => isRunning)
      .map(({ id, facts }) => {
        const last = facts.findLast(({ type }) => ["leader", "follower", "ended"].includes(type));
        const name = last?.type === "leader" ? id : last?.["leader"];
        return Number(`${name}`.replace("m-", ""));
      });
    if (source.child.signalCode === null) words.push(source.leader ?? Number.NaN);
    const [first = Number.NaN] = words;
    if (first !== not && words.every((word) => word === first)) return first;
    if (performance.now() > endMs) {
      assert.fail(`they never agreed: ${words} (source: ${source.leader})\n${group.story()}`);
    }
    await pause(10);
  }
}

for (const number of [1, 3]) {
  test(
    `a source member with number ${number} agrees with two of ours, also after the leader was killed`,
    deadline,
    async (t) => {
      await using group = await Group.start({
        count: 3,
        mode: "available",
        timing: "lan",
        changes: { compat: true },
        except: [`m-${number}`],
      });
      const source = new SourceMember(number, group);
      t.after(() => source.kill());
      const first = await agreement(group, source);
      if (first === number) await source.kill();
      else await group.processes.find(({ id }) => id === `m-${first}`)?.kill();
      const second = await agreement(group, source, first);
      assert.notEqual(second, first);
    },
  );
}

test("a number is understood in every form that the document leaves open", () => {
  const forms = [
    "7",
    " 7\n",
    '"7"',
    '{"id":7}',
    '{"pod_id":"7"}',
    '{"sender":7}',
    '{"leader":7}',
    "id=7",
  ];
  for (const form of forms) assert.equal(oldNumber(form), 7, form);
  for (const form of ["", "seven", "{}", "[]", "null", "-1", "1.5", '{"id":null}', "{"]) {
    assert.equal(oldNumber(form), undefined, form);
  }
});
