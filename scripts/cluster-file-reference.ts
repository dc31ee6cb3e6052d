/**
 * Writes `docs/reference/cluster-file.md` from the schema, so that the page cannot lie.
 * `node -C @prunella/source scripts/cluster-file-reference.ts` writes it; a test compares.
 */
import { writeFileSync } from "node:fs";
import { clusterFileReference } from "../shell/spec/reference.ts";

export const clusterFilePage = new URL("../docs/reference/cluster-file.md", import.meta.url);

if (import.meta.main) writeFileSync(clusterFilePage, clusterFileReference());
