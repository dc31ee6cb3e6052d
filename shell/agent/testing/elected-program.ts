/**
 * An instance of an elected service for tests of the agent: it speaks the contract between elector and
 * agent, and elects by the file system. Whoever makes the folder of the next term leads it, so a term
 * has one leader as in earnest; who tries, and when, comes from the agent's stream.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { env } from "node:process";

const name = env["PRUNELLA_INSTANCE"] ?? "";
const service = env["PRUNELLA_SERVICE"] ?? "";
const incarnation = Number(env["PRUNELLA_INCARNATION"]);
const terms = join(env["PRUNELLA_ELECTION_FOLDER"] ?? "", "..", "terms");
const peers = new Map((env["PRUNELLA_ELECTION_PEERS"] ?? "").split(",").map(pair));
mkdirSync(terms, { recursive: true });

type Reign = { readonly term: number; readonly name: string; readonly incarnation: number };
type Exit = { readonly name: string; readonly incarnation: number };
let reign: Reign | undefined;

function pair(text: string): readonly [string, string] {
  const [peer = "", address = ""] = text.split("=");
  return [peer, address];
}

function newest(): Reign | undefined {
  const term = Math.max(0, ...readdirSync(terms).map(Number));
  if (term === 0) return undefined;
  return JSON.parse(readFileSync(join(terms, `${term}`), "utf8"));
}

async function lead(why: string): Promise<void> {
  const term = Math.max(Date.now(), (newest()?.term ?? 0) + 1);
  try {
    writeFileSync(join(terms, `${term}`), JSON.stringify({ term, name, incarnation }), {
      flag: "wx",
    });
  } catch {
    return; // Another one was quicker.
  }
  reign = { term, name, incarnation };
  await say("leading", why);
}

async function say(state: string, why: string): Promise<void> {
  const body = { name, incarnation, term: reign?.term, state, why, detectMs: 1, electMs: 2 };
  const answer = await ask("POST", "leader", JSON.stringify(body));
  console.log(`${state} ${reign?.term} ${answer.status}`);
}

function ask(method: string, call: string, body?: string): Promise<Response> {
  const { url } = JSON.parse(readFileSync(env["PRUNELLA_AGENT_FILE"] ?? "", "utf8"));
  const token = readFileSync(env["PRUNELLA_ELECTION_TOKEN_FILE"] ?? "", "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const request = body === undefined ? { method, headers } : { method, headers, body };
  return fetch(`${url}/v1/services/${service}/election/${call}`, request);
}

async function follow(): Promise<void> {
  for (;;) {
    try {
      const { body } = await ask("GET", "stream");
      if (newest() === undefined) await lead("start");
      let text = "";
      for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        const events = text.split("\n\n");
        text = events.pop() ?? "";
        for (const event of events) await heard(event);
      }
    } catch {
      // The agent is away; leadership goes on.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function heard(event: string): Promise<void> {
  const data = /^event: exit\ndata: (.*)$/m.exec(event)?.[1];
  if (data === undefined) return;
  const exit = JSON.parse(data) as Exit;
  const leader = newest();
  if (leader?.name === exit.name && leader.incarnation === exit.incarnation) await lead("crash");
}

/** A planned handover: the next one is asked, and leads before this answers. */
async function resign(to: string | undefined): Promise<number> {
  if (reign === undefined || newest()?.term !== reign.term) return 409;
  await say("handing-over", "resign");
  const heirs = [...peers].filter(([peer]) => peer !== name && (to === undefined || peer === to));
  for (const [, address] of heirs) {
    const answer = await fetch(`http://${address}/lead`, { method: "POST" }).catch(() => undefined);
    if (answer?.ok === true) return 200;
  }
  return 503;
}

createServer(async (request, answer) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  if (request.url === "/lead") await lead("resign");
  const isResign = request.url === "/election/resign";
  const isSigned = request.headers["x-bully-auth"] !== undefined;
  answer.statusCode = isResign ? (isSigned ? await resign(JSON.parse(text).to) : 401) : 200;
  answer.end("{}");
}).listen(Number(env["PRUNELLA_ELECTION_PORT"]), "127.0.0.1");
createServer((_, answer) => answer.end(name)).listen(Number(env["PORT"]), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));
void follow();
