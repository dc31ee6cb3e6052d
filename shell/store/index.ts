export {
  readJson,
  readJsonSync,
  sweepTemporaryFiles,
  type WriteOptions,
  writeFileAtomic,
  writeFileAtomicSync,
  writeJson,
  writeJsonSync,
} from "./atomic-file.ts";
export { FolderLock, type LockHolder, lockFolder, lockHolder } from "./folder-lock.ts";
export { Journal, type JournalEntry, type JournalNotice, type JournalOptions } from "./journal.ts";
export { openStateFolder, type StateFolder, stateFolder } from "./state-folder.ts";
export { isDiskFull, storageError, systemCode } from "./storage-error.ts";
