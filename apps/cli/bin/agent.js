/** Starts the agent: the same program as `entries/agent-main`, with the compile cache before it. */
import "./compile-cache.js";
import { existsSync } from "node:fs";

const source = new URL("../entries/agent-main.ts", import.meta.url);
const built = new URL("../dist/entries/agent-main.js", import.meta.url);
await import((existsSync(source) ? source : built).href);
