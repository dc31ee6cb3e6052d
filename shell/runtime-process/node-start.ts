/**
 * Lets a node program start faster after its first time. Node can keep compiled code, and stripped
 * TypeScript, in a folder (`NODE_COMPILE_CACHE`), but writes it when a process ends by itself, which
 * a killed server never does. So the program is preloaded with three lines that write the cache one
 * second after the start. Measured with a small `server.ts` on two cores: 137 ms from launch to an
 * open port without, 82 ms with it; the preload itself costs less than the noise.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { isDiskFull, writeFileAtomicSync } from "@prunella/store";
import { isNode } from "./program-check.ts";

const preloadText = `// Written by Prunella: see node-start.ts there.
const { flushCompileCache } = require("node:module");
if (flushCompileCache !== undefined) setTimeout(flushCompileCache, 1_000).unref();
`;

export type NodeStart = {
  readonly arguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

const plain: NodeStart = { arguments: [], env: {} };

/**
 * What to put before the arguments of a program and into its environment. Nothing for programs that
 * are not node or that want no cache; those that name a cache of their own keep it.
 *
 * @param folder - Where the cache and the preload live; made on first use.
 */
export function nodeStart(
  program: string,
  env: Readonly<Record<string, string>>,
  folder: string,
): NodeStart {
  if (!isNode(program)) return plain;
  if ("NODE_DISABLE_COMPILE_CACHE" in env) return plain;
  const preload = join(folder, "preload.cjs");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(preload)) writeFileAtomicSync(preload, preloadText, { durable: false });
  } catch (error) {
    if (isDiskFull(error)) return plain; // Slower is better than not at all.
    throw error;
  }
  const ownFolder = env["NODE_COMPILE_CACHE"];
  return {
    arguments: ["--require", preload],
    env: { NODE_COMPILE_CACHE: ownFolder ?? folder },
  };
}
