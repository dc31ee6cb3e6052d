export type { Copy, Host, HostEvent, LaunchOrder, Usage } from "./host.ts";
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
