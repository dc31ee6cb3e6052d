/**
 * Keeps compiled code on disk, so that the next start need not strip types and compile again: an
 * agent is back in half the time. Loaded before everything else.
 *
 * The folder is beside the packages, where nobody writes but who installed them: Node's usual place
 * is open to all users of a machine, and what lies there is run.
 */
import { createRequire, enableCompileCache, flushCompileCache } from "node:module";
import { join } from "node:path";

/** By then all is loaded. A process that is killed before it ends in order has written its share. */
const flushMs = 3_000;

const library = createRequire(import.meta.url).resolve("commander");
const packages = join(library.slice(0, library.lastIndexOf("node_modules")), "node_modules");

enableCompileCache(join(packages, ".cache", "prunella"));
setTimeout(flushCompileCache, flushMs).unref();
