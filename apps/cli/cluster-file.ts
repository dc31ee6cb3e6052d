/** Loads the cluster file that the command line means; what is wrong with it is told by its package. */
import { ClusterError } from "@prunella/core/kernel";
import type { ClusterFile } from "@prunella/spec";
import { fileNames, near } from "./cluster-place.ts";
import type { Invocation } from "./invocation.ts";

/**
 * @throws ClusterError `CLUSTER_FILE_MISSING`; `CONFIG_INVALID` or `NOT_YET` with every problem and
 *   its place in the file.
 */
export async function loadFile(call: Invocation): Promise<ClusterFile> {
  const { file } = call.place;
  if (file === undefined) {
    throw new ClusterError("CLUSTER_FILE_MISSING", {
      message: `There is no ${fileNames[0]} and no ${fileNames[1]} in this folder.`,
      details: {
        folder: call.folder,
        fix: "name one with --file, or write one for your program:",
        next: call.hint("init"),
      },
    });
  }
  const isSource = import.meta.url.endsWith(".ts");
  const sdkUrl = new URL(`./sdk.${isSource ? "ts" : "js"}`, import.meta.url).href;
  const { loadCluster } = await import("@prunella/spec");
  try {
    return await loadCluster({ file, folder: call.folder, execPath: process.execPath, sdkUrl });
  } catch (error) {
    if (!ClusterError.is(error)) throw error;
    // Shorter for people, and editors open the short form as well.
    const message = error.message.replaceAll(file, near(call.folder, file));
    throw new ClusterError(error.code, { message, details: error.details, cause: error });
  }
}
