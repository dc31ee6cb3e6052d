export {
  type Copy,
  electionPortVariable,
  electionVariables,
  type Host,
  type HostEvent,
  type LaunchOrder,
  type Usage,
} from "./host.ts";
export type { BeforeLaunch, Drain } from "./instance-keeper.ts";
export { leftoverLog } from "./leftover.ts";
export type { MemoryProcess, MemoryProgram } from "./memory-copy.ts";
export { MemoryComputer } from "./memory-host.ts";
export { memoryPrograms } from "./memory-programs.ts";
export type {
  Address,
  Exit,
  Instance,
  InstanceFact,
  LogOptions,
  LogSpec,
  MemberSpec,
  Phase,
  ProbeSpec,
  Runtime,
  RuntimeService,
  StopSpec,
} from "./runtime.ts";
export { createSupervisor, type SupervisorOptions } from "./supervisor.ts";
