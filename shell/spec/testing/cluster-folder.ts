/** A temporary folder with files in it, and the loader pointed at it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "@prunella/core/kernel";
import { type ClusterFile, loadCluster } from "../cluster-file.ts";
import type { Problem } from "../problem.ts";

const sdkUrl = new URL("../definition.ts", import.meta.url).href;

export class ClusterFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "prunella-spec-"));

  constructor(files: Readonly<Record<string, string | Uint8Array>> = {}) {
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.path, name), content);
  }

  load(
    options: { readonly file?: string; readonly deadlineMs?: number } = {},
  ): Promise<ClusterFile> {
    return loadCluster({ folder: this.path, execPath: "/usr/bin/node", sdkUrl, ...options });
  }

  /** Loads what must fail. */
  async failure(
    options: { readonly file?: string; readonly deadlineMs?: number } = {},
  ): Promise<Failure> {
    try {
      await this.load(options);
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      const problems = (error.details["problems"] ?? []) as readonly Problem[];
      const message = error.message.replaceAll(`${this.path}/`, "");
      return { code: error.code, message, problems };
    }
    throw new Error("the cluster file was accepted");
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export type Failure = {
  readonly code: string;
  /** The folder is left out. */
  readonly message: string;
  readonly problems: readonly Problem[];
};
