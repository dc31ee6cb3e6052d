/** Which code carries a command out. It is loaded when it runs, so that no command pays for another. */
import type { Action } from "./verb.ts";

export const verbActions: Readonly<Record<string, () => Promise<Action>>> = {
  up: async () => (await import("./commands/up.ts")).up,
  down: async () => (await import("./commands/down.ts")).down,
  status: async () => (await import("./commands/status.ts")).status,
  why: async () => (await import("./commands/why.ts")).why,
  elect: async () => (await import("./commands/elect.ts")).elect,
  logs: async () => (await import("./commands/logs.ts")).logs,
  events: async () => (await import("./commands/events.ts")).events,
  scale: async () => (await import("./commands/scale.ts")).scale,
  add: async () => (await import("./commands/resize.ts")).add,
  rm: async () => (await import("./commands/resize.ts")).remove,
  restart: async () => (await import("./commands/restart.ts")).restart,
  plan: async () => (await import("./commands/plan.ts")).plan,
  paper: async () => (await import("./commands/paper.ts")).paper,
  init: async () => (await import("./commands/init.ts")).init,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
  completion: async () => (await import("./commands/completion.ts")).completion,
  version: async () => (await import("./commands/version.ts")).version,
};
