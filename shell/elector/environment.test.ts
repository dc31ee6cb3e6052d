import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { optionsFromEnvironment } from "./environment.ts";

const environment = {
  PORT: "20001",
  PRUNELLA_CLUSTER: "shop",
  PRUNELLA_SERVICE: "fortune",
  PRUNELLA_INSTANCE: "fortune-2",
  PRUNELLA_INCARNATION: "4",
  PRUNELLA_ELECTION_PORT: "20012",
  PRUNELLA_ELECTION_PEERS:
    "fortune-1=127.0.0.1:20011,fortune-2=127.0.0.1:20012,fortune-10=127.0.0.1:20013",
  PRUNELLA_ELECTION_MODE: "quorum",
  PRUNELLA_ELECTION_TIMING: "demo",
  PRUNELLA_ELECTION_KEY_FILE: "/key",
  PRUNELLA_ELECTION_FOLDER: "/voter",
};

test("what the agent says becomes the options of an election", () => {
  assert.deepEqual(optionsFromEnvironment(environment), {
    cluster: "shop",
    self: { id: "fortune-2", incarnation: 4, web: { host: "127.0.0.1", port: 20001 } },
    members: [
      { id: "fortune-1", host: "127.0.0.1", port: 20011, number: 1 },
      { id: "fortune-2", host: "127.0.0.1", port: 20012, number: 2 },
      { id: "fortune-10", host: "127.0.0.1", port: 20013, number: 10 },
    ],
    listen: { host: "127.0.0.1", port: 20012 },
    key: { file: "/key" },
    folder: "/voter",
    mode: "quorum",
    timing: "demo",
  });
});

test("an arbiter's file and the agent come with it where they are named", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-environment-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const options = optionsFromEnvironment({
    ...environment,
    PRUNELLA_ELECTION_ARBITER_FILE: join(folder, "record"),
    PRUNELLA_ELECTION_TOKEN_FILE: "/token",
    PRUNELLA_AGENT_FILE: "/agent.json",
  });
  assert.equal(options.arbiter?.name, join(folder, "record"));
  assert.equal(options.discovery?.name, "the agent");
});

test("a variable that is missing or wrong is named", () => {
  const { PRUNELLA_ELECTION_PEERS: _peers, ...without } = environment;
  assert.throws(() => optionsFromEnvironment(without), /PRUNELLA_ELECTION_PEERS is not set/);
  assert.throws(
    () => optionsFromEnvironment({ ...environment, PRUNELLA_ELECTION_PEERS: "a,b" }),
    /name=host:port; "a"/,
  );
});
