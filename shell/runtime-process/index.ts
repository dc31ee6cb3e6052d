export { openProcessHost, type ProcessHostOptions } from "./process-host.ts";
