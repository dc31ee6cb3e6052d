/** The version of this package, from the manifest that it is published with. */
import { readFileSync } from "node:fs";

export function versionNumber(): string {
  const isSource = import.meta.url.endsWith(".ts");
  const manifest = new URL(isSource ? "./package.json" : "../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return version;
}
