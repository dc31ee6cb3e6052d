/**
 * Where the instances of one service keep what must outlive them: `data/SERVICE/` in the state folder,
 * 0700, shared by all of them. It stays over restarts, over `down`, and when the service leaves the
 * cluster file: data that somebody removed by mistake cannot be restarted. `down --purge` removes it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { storageError } from "@prunella/store";

const folderMode = 0o700;

/**
 * Returns the folder of that service, which exists then.
 *
 * @throws ClusterError `DISK_FULL`, `STATE_REFUSED`.
 */
export function prepareDataFolder(data: string, service: string): string {
  const folder = join(data, service);
  try {
    mkdirSync(folder, { recursive: true, mode: folderMode });
  } catch (error) {
    throw storageError(error, folder, "create");
  }
  return folder;
}
