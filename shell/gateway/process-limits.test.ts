import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ended, GatewayLab, until } from "../../lab/bench/gateway-process.ts";

const main = fileURLToPath(new URL("../../apps/cli/entries/gateway-main.ts", import.meta.url));

type Line = {
  readonly msg?: string;
  readonly port: number;
  readonly openFilesMax?: number;
  readonly clientConnectionsMax?: number;
};

// Goal: the bound is what the system allows, said at start and kept. Method: a shell lowers both
// limits of a gateway to 320 open files, which leaves (320 - 256) / 2 = 32 clients.
test("open files bound the client connections, and the log says so at start", async () => {
  await using lab = new GatewayLab();
  const config = lab.config();
  writeFileSync(config.tokenFile, lab.token, { mode: 0o600 });
  writeFileSync(lab.path("config.json"), JSON.stringify(config), { mode: 0o600 });
  const child = spawn(
    "sh",
    [
      ...["-c", 'ulimit -n 320 && exec "$@"', "sh"],
      ...[process.execPath, "-C", "@prunella/source", main, "--config", lab.path("config.json")],
    ],
    { stdio: "ignore" },
  );
  const clients: Socket[] = [];
  try {
    let started: Line | undefined;
    await until("the gateway tells what it found", () => {
      started = lines(lab.path("gateway.log")).find(({ msg }) => msg === "gateway serves");
      return started !== undefined;
    });
    assert.deepEqual([started?.openFilesMax, started?.clientConnectionsMax], [320, 32]);

    let closedCount = 0;
    for (let index = 0; index < 40; index++) {
      const client = connect(started?.port ?? 0, "127.0.0.1");
      client.on("error", () => undefined).once("close", () => closedCount++);
      client.resume();
      clients.push(client);
    }
    await until("those beyond the bound are closed", () => closedCount === 8);
  } finally {
    for (const client of clients) client.destroy();
    child.kill("SIGKILL");
    await ended(child);
  }
});

function lines(file: string): readonly Line[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line): Line => JSON.parse(line));
  } catch {
    return []; // Not written yet, or not whole.
  }
}
