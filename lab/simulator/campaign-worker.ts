/** A thread of a campaign: takes a range of seeds, answers what it found, waits for the next. */

import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "@prunella/core/kernel";
import { harnessOf } from "./harnesses.ts";
import { type SeedRange, searchSeeds } from "./search.ts";

const port = parentPort;
const harness = harnessOf(String(workerData));
invariant(port !== null && harness !== undefined, "a campaign worker knows its harness");
port.on("message", (range: SeedRange) => port.postMessage(searchSeeds(harness, range)));
