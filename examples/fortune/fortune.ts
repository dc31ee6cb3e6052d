/**
 * One instance of the fortune service. All of them take part in the election; the one that leads hands
 * out cookies, the others pass requests on to it, and any of them may die at any moment.
 *
 * The order that makes this safe: the election raises the fence of the store before anybody hears of a
 * new leader, so a predecessor that does not know of its end is refused by the file itself.
 */
import { createServer } from "node:http";
import { join } from "node:path";
import { electionFromEnvironment, type Fence } from "prunella/election";
import { CookieJar } from "./cookie-jar.ts";
import { EventStream } from "./event-stream.ts";
import { answerHealth, fortuneHandler } from "./fortune-server.ts";
import { FortuneStore } from "./fortune-store.ts";
import { fortunes } from "./fortunes.ts";
import { pastLeaders } from "./past-leaders.ts";

const { PORT, PRUNELLA_DATA_FOLDER = ".", PRUNELLA_INSTANCE = "", FORTUNE_DEMO } = process.env;

/** Opened by whoever is about to lead, so that followers hold nothing that could be in its way. */
let store: FortuneStore | undefined;
const fence: Fence = {
  name: "the cookie jar",
  raise: async (token) => {
    store ??= new FortuneStore(join(PRUNELLA_DATA_FOLDER, "fortune.sqlite"), fortunes);
    await store.raise(token);
  },
};

const election = electionFromEnvironment({ fences: [fence] });
const stream = new EventStream(state);
let jar: CookieJar | undefined;

election.on("leader", ({ term, token, handingOver, signal }) => {
  if (store === undefined) return; // Its fence was raised, so it is open.
  console.log(`leads term ${term}`);
  const own = new CookieJar(store, { token, term, leader: PRUNELLA_INSTANCE });
  jar = own;
  // Pages that watch are work that never ends; a handover does not wait for them.
  handingOver.addEventListener("abort", () => stream.endAll(), { once: true });
  signal.addEventListener(
    "abort",
    () => {
      console.log(`leads no more: ${signal.reason}`);
      if (jar === own) jar = undefined;
    },
    { once: true },
  );
});

const lead = election.serve(
  fortuneHandler({
    jar: () => jar,
    state,
    stream,
    kill: FORTUNE_DEMO === "1" ? () => process.kill(process.pid, "SIGKILL") : undefined,
  }),
);
const server = createServer((request, response) => {
  if (!answerHealth(request, response)) lead(request, response);
});

process.once("SIGTERM", async () => {
  await election.stop(); // Hands over first: the successor serves while this one ends.
  server.close(() => process.exit());
});

await election.start();
server.listen(Number(PORT), "127.0.0.1");

/** What the page shows. Only the leader is asked. */
function state() {
  const { current } = election;
  return {
    leader: current?.member ?? null,
    term: current?.term ?? null,
    opened: jar?.opened ?? null,
    fortunes: fortunes.length,
    demo: FORTUNE_DEMO === "1",
    members: election.members.map(({ id, connected }) => ({ name: id, isUp: connected })),
    history: pastLeaders(election.history()),
  };
}
