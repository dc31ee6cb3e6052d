import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadCluster } from "./cluster-file.ts";
import { diagnose } from "./doctor.ts";
import { machineFacts } from "./machine-facts.ts";

const folder = fileURLToPath(new URL("../../examples/hello", import.meta.url));
const fortuneFolder = fileURLToPath(new URL("../../examples/fortune", import.meta.url));
const sdkUrl = new URL("../../apps/cli/sdk.ts", import.meta.url).href;

test("hello is one cluster in two languages, and doctor only warns of what it is there to show", async () => {
  const options = { folder, execPath: process.execPath, sdkUrl };
  const script = await loadCluster(options);
  const yaml = await loadCluster({ ...options, file: "cluster.yaml" });
  assert.deepEqual(script.spec, yaml.spec);
  assert.ok(script.text.split("\n").length <= 16);
  const { hello } = script.spec.services;
  assert.deepEqual(hello?.command, [process.execPath, `${folder}/server.ts`]);
  assert.deepEqual(
    [hello?.count, hello?.placement, script.spec.gateway.port],
    [3, "seed-512", 5000],
  );
  const findings = diagnose(script, await machineFacts(script.spec, folder, ""));
  const warnings = findings.filter(({ severity }) => severity !== "info").map(({ id }) => id);
  assert.deepEqual(warnings, ["compat-open", "seed-512-unbalanced"]);
});

test("fortune is one cluster in two languages, and doctor has nothing to warn of", async () => {
  const options = { folder: fortuneFolder, execPath: process.execPath, sdkUrl };
  const script = await loadCluster(options);
  const yaml = await loadCluster({ ...options, file: "cluster.yaml" });
  assert.deepEqual(script.spec, yaml.spec);
  const { fortune } = script.spec.services;
  assert.deepEqual([fortune?.kind, fortune?.count, script.spec.gateway.port], ["elected", 3, 8080]);
  const findings = diagnose(script, await machineFacts(script.spec, fortuneFolder, ""));
  assert.deepEqual(
    findings.filter(({ severity }) => severity !== "info"),
    [],
  );
});
