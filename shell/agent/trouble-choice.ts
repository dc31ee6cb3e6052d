/** Which troubles in traffic concern whom. Pure. */
import type { Instance } from "@prunella/runtime";
import type { RecordedEvent } from "@prunella/wire/control";

const shownMs = 5 * 60_000;

/**
 * Those of the last five minutes that are still true of what runs now, each kind once, oldest first:
 * a copy that was replaced has taken its faults with it.
 */
export function presentTroubles(
  recent: readonly RecordedEvent[],
  instances: readonly Pick<Instance, "name" | "incarnation">[],
  nowMs: number,
): RecordedEvent[] {
  const running = new Map(instances.map(({ name, incarnation }) => [`${name}`, incarnation]));
  const newest = new Map<string, RecordedEvent>();
  for (const event of recent) {
    const { type, service, instance, incarnation, at } = event;
    const isGone = instance !== null && running.get(instance) !== incarnation;
    if (isGone || nowMs - Date.parse(at) > shownMs) continue;
    const kind = `${type} ${service} ${instance}`;
    newest.delete(kind); // So that it stands where its newest stands.
    newest.set(kind, event);
  }
  return [...newest.values()];
}

/** Those of this instance, of its service as a whole, or told by it if it is a gateway. */
export function troublesAround(
  recent: readonly RecordedEvent[],
  { name, service }: Pick<Instance, "name" | "service">,
): RecordedEvent[] {
  return recent.filter((event) => {
    const concernsService = event.instance === null && event.service === service;
    return event.instance === name || concernsService || event.data["gateway"] === name;
  });
}
