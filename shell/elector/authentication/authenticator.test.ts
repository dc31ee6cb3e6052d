import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ClusterError } from "@prunella/core/kernel";
import { Authenticator, type Judgement, type Role } from "./authenticator.ts";
import { KeyRing, newKey, writeNewKey } from "./key-ring.ts";

const secret = newKey();

function member(id: string, boot = `boot-of-${id}`, keys = KeyRing.of(secret)): Authenticator {
  return new Authenticator({ identity: { cluster: "fortune", id, boot }, keys });
}

const question = { method: "POST", path: "/receive_election", body: '{"v":2}' };

function ask(from: Authenticator, to: string, by: Authenticator, nonce?: string): Judgement {
  const { header } = from.sign("member", to, question, nonce);
  return by.judge("member", { ...question, header });
}

/** First contact: asks, is given a nonce, asks again. */
function meet(from: Authenticator, to: string, by: Authenticator): Judgement {
  const first = ask(from, to, by);
  assert.equal(first.type, "unknown-life");
  return ask(from, to, by, first.type === "unknown-life" ? first.nonce : undefined);
}

test("two members with one key understand each other after one more round trip", () => {
  const [a, b] = [member("a"), member("b")];
  const met = meet(a, "b", b);
  assert.equal(met.type, "admitted");
  assert.equal(met.type === "admitted" && met.from, "a");
  assert.equal(ask(a, "b", b).type, "admitted");
});

test("the answer is believed only by who asked, for what was asked", () => {
  const [a, b] = [member("a"), member("b")];
  meet(a, "b", b);
  const signed = a.sign("member", "b", question);
  const judged = b.judge("member", { ...question, header: signed.header });
  assert.ok(judged.type === "admitted");
  const header = judged.sign(200, "grant");
  assert.equal(signed.answered(200, "grant", header), true);
  assert.equal(signed.answered(200, "deny", header), false);
  assert.equal(signed.answered(500, "grant", header), false);
  assert.equal(signed.answered(200, "grant", undefined), false);
  assert.equal(a.sign("member", "b", question).answered(200, "grant", header), false);
});

test("a recorded message is refused, also by a receiver that was restarted", () => {
  const [a, b] = [member("a"), member("b")];
  meet(a, "b", b);
  const recorded = { ...question, header: a.sign("member", "b", question).header };
  assert.equal(b.judge("member", recorded).type, "admitted");
  assert.equal(b.judge("member", recorded).type, "replayed");
  const restarted = member("b", "second-life");
  assert.equal(restarted.judge("member", recorded).type, "unknown-life");
  assert.equal(meet(a, "b", restarted).type, "admitted");
  assert.equal(restarted.judge("member", recorded).type, "replayed");
});

test("a message for another member, another cluster or with another key is a stranger's", () => {
  const a = member("a");
  const header = a.sign("member", "b", question).header;
  assert.equal(member("c").judge("member", { ...question, header }).type, "stranger");
  const other = new Authenticator({
    identity: { cluster: "other", id: "b", boot: "x" },
    keys: KeyRing.of(secret),
  });
  assert.equal(other.judge("member", { ...question, header }).type, "stranger");
  const locked = member("b", "x", KeyRing.of(newKey()));
  assert.equal(locked.judge("member", { ...question, header }).type, "stranger");
  const b = member("b");
  for (const changed of [{ path: "/declare_leader" }, { method: "GET" }, { body: "{}" }]) {
    assert.equal(b.judge("member", { ...question, ...changed, header }).type, "stranger");
  }
  assert.equal(b.judge("member", { ...question, header: undefined }).type, "stranger");
});

test("an operator's call opens nothing for members, and theirs nothing for operators", () => {
  const [a, b] = [member("a"), member("b")];
  const roles: readonly [Role, Role][] = [
    ["operator", "member"],
    ["member", "operator"],
  ];
  for (const [signs, judges] of roles) {
    const { header } = a.sign(signs, "b", question);
    assert.equal(b.judge(judges, { ...question, header }).type, "stranger");
  }
  const { header } = a.sign("operator", "b", question);
  assert.equal(b.judge("operator", { ...question, header }).type, "unknown-life");
});

test("a key is changed while everybody talks, and a damaged file changes nothing", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-key-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "key");
  const [old, fresh] = [newKey(), newKey()];
  writeFileSync(path, `${old}\n`, { mode: 0o600 });
  const reports: string[] = [];
  const ring = KeyRing.fromFile(path, (error) => reports.push(error.code));
  const [a, b] = [member("a", "1", ring), member("b", "1", KeyRing.of(fresh, old))];
  assert.equal(meet(a, "b", b).type, "admitted");
  const before = ring.signing.kid;
  writeFileSync(path, "short\n");
  await until(() => reports.length > 0 || ring.signing.kid !== before);
  assert.deepEqual([reports, ring.signing.kid], [["ELECTION_KEY"], before]);
  writeFileSync(path, `${fresh}\n${old}\n`);
  await until(() => ring.signing.kid !== before);
  assert.equal(ask(a, "b", b).type, "admitted");
});

test("a key file that is missing, open to others, empty or too full is refused with the way out", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-key-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "key");
  const refusal = (): string => {
    try {
      KeyRing.fromFile(path);
      return "";
    } catch (error) {
      assert.ok(ClusterError.is(error, "ELECTION_KEY"));
      return error.message;
    }
  };
  assert.match(refusal(), /cannot be read \(ENOENT\).*chmod 600/);
  writeNewKey(path);
  assert.equal(refusal(), "");
  chmodSync(path, 0o644);
  assert.match(refusal(), /read by others.*chmod 600/);
  chmodSync(path, 0o600);
  for (const text of ["", "tiny", [newKey(), newKey(), newKey()].join("\n")]) {
    writeFileSync(path, text);
    assert.match(refusal(), /one or two keys/);
  }
});

async function until(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!holds()) {
    assert.ok(performance.now() < endMs, "the key file was not looked at again");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
