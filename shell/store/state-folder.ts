/**
 * The folder that holds everything a cluster must not forget, and the names of what is in it. It is
 * readable by its owner alone (0700), because the token in it opens the whole cluster.
 */
import { chmod, mkdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { sweepTemporaryFiles } from "./atomic-file.ts";
import { storageError, systemCode } from "./storage-error.ts";

/** Every path inside a state folder. */
export type StateFolder = {
  readonly root: string;
  /** The cluster token, one line. */
  readonly token: string;
  /** Where the agent listens. */
  readonly agent: string;
  /** What the cluster should be. */
  readonly state: string;
  /** What happened. */
  readonly journal: string;
  /** One folder per instance: its record and its logs. */
  readonly instances: string;
  /** What the gateway process remembers. */
  readonly gateway: string;
  /** One folder per elected service: its keys, its terms and what its voters must not forget. */
  readonly elections: string;
  /** One folder per service: what its instances keep. */
  readonly data: string;
};

const folderMode = 0o700;
const othersMask = 0o077;

/** Names the paths; touches nothing. */
export function stateFolder(root: string): StateFolder {
  const absolute = resolve(root);
  return {
    root: absolute,
    token: join(absolute, "token"),
    agent: join(absolute, "agent.json"),
    state: join(absolute, "state.json"),
    journal: join(absolute, "journal"),
    instances: join(absolute, "instances"),
    gateway: join(absolute, "gateway"),
    elections: join(absolute, "elections"),
    data: join(absolute, "data"),
  };
}

/**
 * Creates the folder with mode 0700, or checks the one that is there and closes it to others.
 *
 * @throws ClusterError `STATE_REFUSED` when a file is in the way, the folder belongs to another
 *   user or cannot be written; `DISK_FULL`.
 */
export async function openStateFolder(root: string): Promise<StateFolder> {
  const folder = stateFolder(root);
  await ensureFolder(folder.root);
  const { journal, instances, gateway, elections, data } = folder;
  for (const path of [journal, instances, gateway, elections, data]) await ensureFolder(path);
  for (const path of [folder.root, folder.gateway]) sweepTemporaryFiles(path);
  return folder;
}

async function ensureFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: folderMode });
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw storageError(error, path, "create");
  }
  const found = await stat(path).catch((error: unknown) => {
    throw storageError(error, path, "open");
  });
  if (!found.isDirectory()) {
    throw refused(
      path,
      "it is a file and not a folder. Remove it, or choose another with --state.",
    );
  }
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) {
    throw refused(
      path,
      `it belongs to user ${found.uid} and this is user ${user}. Run the command as its owner, or choose another folder with --state.`,
    );
  }
  if ((found.mode & othersMask) === 0 && (found.mode & folderMode) === folderMode) return;
  await chmod(path, folderMode).catch((error: unknown) => {
    throw storageError(error, path, "close to others");
  });
}

function refused(path: string, why: string): ClusterError {
  return new ClusterError("STATE_REFUSED", {
    message: `The state folder ${path} cannot be used: ${why}`,
    details: { path },
  });
}
