/**
 * The whole service as real processes, from the command line to the file: leaders are killed, frozen and
 * asked to go, and everything is killed at once. What was promised is counted afterwards, in the store.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { type Cookie, RunningFortune, until } from "./testing/running-fortune.ts";

const deadline = { timeout: 300_000 };
/** Users who ask all the time, each with the next cookie as soon as it has one. */
const users = 8;

let fortune: RunningFortune;
/** Every cookie that was answered, by the key that asked for it. */
const answered = new Map<string, Cookie>();

before(async () => {
  fortune = await RunningFortune.up();
}, deadline);
after(() => fortune[Symbol.asyncDispose](), deadline);

test("the gateway leads to the leader, and status knows it too", deadline, async () => {
  const cookie = await fortune.open("first");
  answered.set("first", cookie);
  assert.deepEqual(Object.keys(cookie).toSorted(), ["fortune", "leader", "number", "term"]);
  const instances = await fortune.instances();
  assert.equal(instances.length, 3);
  assert.deepEqual(
    instances.filter(({ leads }) => leads).map(({ name, term }) => [name, term]),
    [[cookie.leader, cookie.term]],
  );
  assert.match(await (await fetch(fortune.url)).text(), /<title>Fortune<\/title>/);
  assert.deepEqual(await fortune.open("first"), cookie);
});

test("a follower that is asked directly hands the request to the leader", deadline, async () => {
  const follower = (await fortune.instances()).find(({ leads }) => !leads);
  const answer = await fetch(`http://${follower?.address}/fortune`, {
    headers: { "idempotency-key": "by a follower" },
  });
  const cookie = (await answer.json()) as Cookie;
  answered.set("by a follower", cookie);
  assert.equal(cookie.leader, (await fortune.leader()).name);
});

const endings = {
  "killed by its own page": async () => {
    const headers = { "x-fortune": "demo" };
    await fetch(`${fortune.url}/demo/kill`, { method: "POST", headers });
  },
  "killed with kill -9": async () => void process.kill((await fortune.leader()).pid, "SIGKILL"),
  "asked to hand over": async () => void (await fortune.run("elect", "resign")),
};

for (const [ending, end] of Object.entries(endings)) {
  const name = `no cookie is lost or given twice while the leader is ${ending}`;
  test(name, deadline, async () => {
    const { term, name: old } = await fortune.leader();
    const next = await whileAsking(ending, async () => {
      await end();
      return until("another term", async () => {
        const state = await fortune.state();
        return state.term > term ? state : undefined;
      });
    });
    assert.notEqual(next.leader, old);
    await settled();
  });
}

test("a leader that was frozen writes nothing when it wakes up", deadline, async () => {
  const old = await fortune.leader();
  const before = (await fortune.state()).opened;
  process.kill(old.pid, "SIGSTOP");
  // It lies in the frozen leader's hands, with the term in which that one led.
  const late = openDirectly(old.address, "too late", old.term);
  const next = await until("another leader opens a cookie", async () => {
    const cookie = await fortune.open("by the successor").catch(() => undefined);
    return cookie?.leader === old.name ? undefined : cookie;
  });
  answered.set("by the successor", next);
  assert.ok(next.term > old.term);
  process.kill(old.pid, "SIGCONT");
  assert.notEqual(await late, 200, "the frozen leader answered as if it still led");
  assert.equal((await fortune.state()).opened, before + 1);
  assert.equal(next.number, before + 1);
  await settled();
});

test("down and up again: whoever was killed before may lead", deadline, async () => {
  for (const { name } of await fortune.instances()) await restarted(name);
  const { term } = await fortune.leader();
  const { opened } = await fortune.state();
  await fortune.run("down");
  await fortune.run("up");
  const cookie = await fortune.open("after down");
  answered.set("after down", cookie);
  assert.equal(cookie.number, opened + 1);
  assert.ok(cookie.term > term, `${cookie.term} is not above ${term}`);
});

test(
  "after kill -9 of everything, up finds terms, cookies and counters again",
  deadline,
  async () => {
    const { term } = await fortune.leader();
    const { opened } = await fortune.state();
    await fortune.killEverything();
    await fortune.run("up");
    assert.deepEqual(await fortune.open("first"), answered.get("first"));
    const cookie = await fortune.open("after everything");
    answered.set("after everything", cookie);
    assert.equal(cookie.number, opened + 1);
    assert.ok(cookie.term > term, `${cookie.term} is not above ${term}`);
    const history = JSON.parse(await fortune.run("elect", "history", "--json"));
    const terms = (history as readonly { readonly term: number }[]).map((row) => row.term);
    assert.deepEqual(
      terms,
      terms.toSorted((a, b) => a - b),
    );
    assert.ok(terms.includes(cookie.term) && terms.includes(term));
  },
);

test("FO1, FO2, FO3: the store has each answered cookie once, without a gap, and terms never fall", () => {
  const database = new DatabaseSync(fortune.store, { readOnly: true });
  const rows = database.prepare("SELECT * FROM cookie ORDER BY number").all() as (Cookie & {
    readonly key: string;
  })[];
  database.close();
  assert.deepEqual(
    rows.map(({ number }) => number),
    rows.map((_, index) => index + 1),
  );
  const terms = rows.map(({ term }) => term);
  assert.deepEqual(
    terms,
    terms.toSorted((a, b) => a - b),
  );
  assert.ok(new Set(terms).size >= 5, "every leader has opened some");
  const stored = new Map(rows.map(({ key, ...cookie }) => [key, cookie]));
  for (const [key, cookie] of answered) assert.deepEqual({ ...stored.get(key) }, cookie);
  assert.ok(answered.size > 100, `only ${answered.size} cookies were opened`);
  assert.equal(stored.has("too late"), false);
});

test("down --purge ends all of it and leaves no cookie behind", deadline, async () => {
  await fortune.status();
  await fortune.run("down", "--purge");
  assert.deepEqual(fortune.leftovers(), []);
  assert.throws(() => new DatabaseSync(fortune.store, { readOnly: true }));
});

/** Every answer is a cookie, and each is a new one; the gateway may ask twice, the user never does. */
async function whileAsking<Result>(name: string, act: () => Promise<Result>): Promise<Result> {
  const stop = new AbortController();
  const asking = Array.from({ length: users }, async (_, user) => {
    for (let turn = 0; turn < 10 || !stop.signal.aborted; turn++) {
      const key = `${name} ${user} ${turn}`;
      const cookie = await fortune.open(key);
      assert.ok(![...answered.values()].some(({ number }) => number === cookie.number));
      answered.set(key, cookie);
    }
  });
  try {
    return await act();
  } finally {
    stop.abort();
    await Promise.all(asking);
  }
}

/** Kills the process of that name, and waits until another one serves in its place. */
async function restarted(name: string): Promise<void> {
  const find = async () => (await fortune.instances()).find((one) => one.name === name);
  const { pid } = (await find()) ?? {};
  assert.ok(typeof pid === "number");
  process.kill(pid, "SIGKILL");
  await until("another process has its name", async () => {
    const next = await find();
    return typeof next?.pid === "number" && next.pid !== pid ? true : undefined;
  });
  await settled();
}

async function settled(): Promise<void> {
  await until("three serve", async () => {
    const { services } = JSON.parse(await fortune.run("status", "--json"));
    return services[0].ready === 3 ? true : undefined;
  });
}

/** The status of the answer; undefined when the connection broke. */
function openDirectly(address: string, key: string, term: number): Promise<number | undefined> {
  const headers = { "idempotency-key": key, "prunella-term": `${term}` };
  return new Promise((resolve) => {
    const asked = request(`http://${address}/fortune`, { method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on("error", () => resolve(undefined));
    asked.end();
  });
}
