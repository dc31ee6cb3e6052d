/**
 * What a process may do to its surroundings: send into the network, dial, and write to its disk. Each is
 * the deed of the node that acts at this moment, and comes back later as an input.
 */
import type { Process } from "./process.ts";
import type { Acts } from "./program.ts";
import type { Scene } from "./scene.ts";

export function actsOf<State, Message, Stored>(
  scene: Scene<State, Message, Stored>,
): Acts<Message, Stored> {
  return {
    send: (to, message) => send(scene, to, message),
    dial: (peer) => dial(scene, peer),
    write: (record, ticket) => write(scene, record, ticket),
    note: (text) => scene.recorder?.add(scene.row("note", scene.acting, text())),
  };
}

function send<State, Message, Stored>(
  scene: Scene<State, Message, Stored>,
  to: number,
  message: Message,
): void {
  const from = scene.acting;
  scene.messages += 1;
  const envelope = scene.messages;
  scene.observer.sent?.(from, to, message);
  scene.recorder?.add(scene.letterRow("send", { node: from, peer: to }, message, envelope));
  const fate = scene.network.fateOf(from, to, scene.program.kindOf(message));
  if (fate.isLost || scene.cuts.has(from, to)) {
    scene.recorder?.add(scene.letterRow("lost", { node: from, peer: to }, message, envelope));
    return;
  }
  const letter = { type: "deliver", from, to, message, envelope } as const;
  const { delayMs, twiceAfterMs } = fate;
  scene.queue.add(scene.nowMs + delayMs, letter);
  if (twiceAfterMs >= 0) scene.queue.add(scene.nowMs + delayMs + twiceAfterMs, letter);
}

/** The kernel of the other host answers, so a paused process accepts and a dead one refuses. */
function dial<State, Message, Stored>(scene: Scene<State, Message, Stored>, peer: number): void {
  const node = scene.acting;
  const { boot } = scene.process(node);
  const { network, dialTimeoutMs } = scene.options;
  const thereMs = network.leastMs + network.moreMs * scene.draw(node);
  const answer = (answer: "open" | "refused" | "silence", afterMs: number): void => {
    const input = { type: "dialled", peer, answer } as const;
    scene.queue.add(scene.nowMs + afterMs, { type: "input", node, boot, input });
  };
  scene.after(thereMs, () => {
    const { state, refusals, isHostDown } = scene.process(peer);
    const isSilent = isHostDown || scene.cuts.has(node, peer) || scene.cuts.has(peer, node);
    if (isSilent) answer("silence", dialTimeoutMs - thereMs);
    else answer(state === undefined || refusals > 0 ? "refused" : "open", thereMs);
  });
}

function write<State, Message, Stored>(
  scene: Scene<State, Message, Stored>,
  record: Stored,
  ticket: number,
): void {
  const process = scene.process(scene.acting);
  const { syncLeastMs, syncMostMs } = scene.options;
  const syncMs = syncLeastMs + (syncMostMs - syncLeastMs) * scene.draw(process.node);
  if (process.disk.write({ record, ticket, syncMs })) planSync(scene, process);
}

/** The oldest record that is not confirmed yet will be, if no crash or stall comes first. */
export function planSync<State, Message, Stored>(
  scene: Scene<State, Message, Stored>,
  { node, boot, disk }: Process<State, Message, Stored>,
): void {
  const { oldest } = disk;
  if (oldest !== undefined) {
    scene.queue.add(scene.nowMs + oldest.syncMs, { type: "synced", node, boot });
  }
}
