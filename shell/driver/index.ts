export { Bell } from "./bell.ts";
export { Driver, type DriverOptions, type TranscriptEntry, type Unstamped } from "./driver.ts";
export { type Log, type LogFields, silentLog } from "./log.ts";
export { LogDestination, type LogTarget } from "./log-destination.ts";
