/** An elected service from the cluster file to its users: agent, gateway, and electors as users run them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Workshop } from "./testing/workshop.ts";

const program = join(import.meta.dirname, "testing", "elected-program.ts");
const node = process.execPath;

/** Who answers, and under which term it leads. */
async function leader(shop: Workshop): Promise<{ readonly name: string; readonly term: number }> {
  const [name = "", term] = (await shop.ask()).split(" ");
  return { name, term: Number(term) };
}

test("the leader is killed, then asked to hand over: clients always reach a newer one, and why tells", async () => {
  await using shop = await Workshop.open();
  shop.write({ kind: "elected", run: [node, "-C", "@prunella/source", program], count: 3 });
  const up = await shop.run("up");
  assert.equal(up.code, 0, up.stderr);
  const first = await leader(shop);
  const [service] = (await shop.status()).services;
  const victim = service?.instances.find(({ name }) => name === first.name);
  assert.ok(victim?.pid);
  process.kill(victim.pid, "SIGKILL");
  const second = await leader(shop); // The gateway holds the request until somebody leads.
  assert.notEqual(second.name, first.name);
  assert.ok(second.term > first.term);
  const why = await shop.run("elect", "why");
  assert.equal(why.code, 0, why.stderr);
  assert.match(why.stdout, new RegExp(`${second.name} takes over from ${first.name}`));
  assert.match(why.stdout, /SIGKILL/);
  const resigned = await shop.run("elect", "resign");
  assert.equal(resigned.code, 0, resigned.stderr);
  const third = await leader(shop);
  assert.notEqual(third.name, second.name);
  assert.ok(third.term > second.term);
});
