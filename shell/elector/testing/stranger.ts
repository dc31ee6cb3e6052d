/**
 * Somebody on the network without the key: forges what it has never seen, sends again what it has
 * recorded, and holds on to connections. It knows every name, every port and every address, and the
 * names of keys and of lives, because all of them pass by in the clear.
 */
import { connect, type Socket } from "node:net";
import { Authenticator } from "../authentication/authenticator.ts";
import { KeyRing, newKey } from "../authentication/key-ring.ts";
import { signatureHeader } from "../authentication/signature.ts";

export type Target = { readonly id: string; readonly port: number };

/** One request, ready to be sent. */
export type Shot = {
  readonly kind: string;
  readonly path: string;
  readonly body: string;
  readonly header?: string | undefined;
};

const boot = "i0-p1-0123456789abcdef";
const answerMsMax = 10_000;

/** Sends it; the status of the answer, or 0 when the connection was closed instead. */
export async function post({ port }: Pick<Target, "port">, shot: Omit<Shot, "kind">) {
  const headers = { "content-type": "application/json", connection: "close" };
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${shot.path}`, {
      method: "POST",
      body: shot.body,
      headers: shot.header === undefined ? headers : { ...headers, [signatureHeader]: shot.header },
      signal: AbortSignal.timeout(answerMsMax),
    });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") throw error;
    return { status: 0, text: "", headers: new Headers() };
  }
}

/** All that would lead, depose or disturb, if it were believed: to every endpoint, in every disguise. */
export function forgeries(about: {
  readonly cluster: string;
  /** In whose name. */
  readonly from: string;
  readonly to: string;
  readonly term: number;
  /** The name of the real key, as it stands in every header. */
  readonly kid: string;
}): readonly Shot[] {
  const { cluster, from, to, term, kid } = about;
  const forger = new Authenticator({
    identity: { cluster, id: from, boot },
    keys: KeyRing.of(newKey()),
  });
  return messagesOf(from, term).flatMap(([path, message]): readonly Shot[] => {
    const body = JSON.stringify({ v: 2, cluster, from: { id: from, boot }, to, message });
    const request = { method: "POST", path, body };
    const role = path === "/election/resign" ? "operator" : "member";
    const { header } = forger.sign(role, to, request);
    return [
      { kind: "unsigned", path, body },
      { kind: "wrongKey", path, body, header },
      { kind: "wrongKeyKnownName", path, body, header: renamed(header, kid) },
      { kind: "emptySignature", path, body, header: "v1" },
      { kind: "olderProtocol", path, body: JSON.stringify({ leader: from, force: true }) },
      { kind: "noMessage", path, body: "{" },
    ];
  });
}

function renamed(header: string, kid: string): string {
  return header.replace(/kid=[0-9a-f]+/, `kid=${kid}`);
}

function messagesOf(from: string, term: number): readonly (readonly [string, object])[] {
  const leader = { member: from, boot };
  const voters = { term, version: 99, members: [] };
  const announce = {
    ...{ kind: "announce", leader, term, token: `${term}`, seq: 1, sentAtMs: 0, phase: "leading" },
    ...{ successors: [], viewSize: 9, history: [], voters },
  };
  const stamp = { term, version: 99 };
  const vote = { kind: "vote", attempt: 1, term, refusedBy: [], voters: stamp, reason: "asked" };
  const inquire = { kind: "inquire", attempt: 1, term, reason: "silence", voters: stamp };
  return [
    ["/receive_election", inquire],
    ["/receive_election", vote],
    ["/receive_election", { kind: "recall", nonce: 1 }],
    ["/receive_answer", announce],
    ["/receive_coordinator", announce],
    ["/declare_leader", announce],
    ["/become_coordinator", { kind: "nominate", leader, term }],
    ["/become_coordinator", { kind: "relieve", term, isForced: true }],
    ["/election_ongoing", { kind: "resign", leader, term, why: "resign" }],
    ["/election/resign", { kind: "resign", leader, term, why: "resign" }],
  ];
}

/**
 * What a member with the key said, as somebody wrote it down who listened. It was admitted when it was
 * said: the recording is genuine.
 */
export async function recorded(
  target: Target,
  speaker: Authenticator,
  said: {
    readonly role: "member" | "operator";
    readonly path: string;
    readonly body: string;
    readonly count: number;
  },
): Promise<readonly Shot[]> {
  const { role, path, body, count } = said;
  const request = { method: "POST", path, body };
  const shots: Shot[] = [];
  let nonce: string | undefined;
  while (shots.length < count) {
    const signed = speaker.sign(role, target.id, request, nonce);
    const shot = { kind: "recorded", path, body, header: signed.header };
    const answer = await post(target, shot);
    const isOurs = signed.answered(
      answer.status,
      answer.text,
      answer.headers.get(signatureHeader) ?? undefined,
    );
    if (!isOurs) throw new Error(`${target.id} answered ${answer.status}, not signed`);
    if (answer.status === 401 && nonce === undefined) {
      nonce = (JSON.parse(answer.text) as { readonly nonce: string }).nonce;
      continue;
    }
    if (answer.status >= 300) throw new Error(`${target.id} answered ${answer.status}`);
    shots.push(shot);
    nonce = undefined;
  }
  return shots;
}

const heldMax = 200;
const openedAtOnceMax = 10;
const everyMs = 25;
const hugeBytes = 64 * 1024 * 1024;
const chunk = Buffer.alloc(64 * 1024, 0x61);

/** Ways to hold on to a connection. */
export const holds: readonly string[] = ["idle", "half a request", "huge body", "slow body"];

/** Keeps the ports of all targets busy until it is disposed. */
export class Flood implements Disposable {
  readonly #ports: () => readonly number[];
  readonly #held = new Set<Socket>();
  readonly #timer: NodeJS.Timeout;
  openedCount = 0;

  /** `ports` is asked again and again: members may move. */
  constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#timer = setInterval(() => this.#more(), everyMs);
  }

  get heldCount(): number {
    return this.#held.size;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const socket of this.#held) socket.destroy();
  }

  #more(): void {
    const ports = this.#ports();
    for (let index = 0; index < openedAtOnceMax && ports.length > 0; index++) {
      if (this.#held.size >= heldMax * ports.length) this.#dropOldest();
      this.#open(ports[this.openedCount % ports.length] ?? 0);
    }
    for (const socket of this.#held) if (socket.writableLength === 0) drip(socket);
  }

  #dropOldest(): void {
    const [oldest] = this.#held;
    oldest?.destroy();
  }

  #open(port: number): void {
    const hold = holds[Math.floor(this.openedCount / 3) % holds.length] ?? "idle";
    this.openedCount += 1;
    const socket = connect({ host: "127.0.0.1", port });
    this.#held.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#held.delete(socket));
    socket.resume();
    if (hold === "half a request") socket.write("POST /receive_election HTTP/1.1\r\nhost: x\r\n");
    if (hold === "huge body") socket.write(headOf(hugeBytes));
    if (hold === "slow body") socket.write(headOf(1_000));
    dripping.set(socket, hold);
  }
}

const dripping = new WeakMap<Socket, string>();

function headOf(length: number): string {
  return `POST /receive_coordinator HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
}

function drip(socket: Socket): void {
  const hold = dripping.get(socket);
  if (!socket.writable || socket.connecting) return;
  if (hold === "huge body") socket.write(chunk);
  if (hold === "slow body") socket.write("a");
}
