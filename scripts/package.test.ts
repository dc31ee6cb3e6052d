/**
 * What a user installs: every package is built and packed as it would be published, installed into an
 * empty folder, and runs a cluster from there.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const server = `
import { createServer } from "node:http";
createServer((_, answer) => answer.end("packed")).listen(Number(process.env.PORT), "127.0.0.1");
`;

/** What people import, with one name of each. */
const libraries = [
  ["prunella", "defineCluster"],
  ["prunella/gateway", "createGateway"],
  ["prunella/election", "createElection"],
] as const;

test("the published packages install into an empty folder and run a cluster there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prunella-pack-"));
  const port = `${10_000 + (process.pid % 10_000)}`;
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, {
      cwd: folder,
      env: { ...process.env, WEB_PORT: port },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  try {
    const tarballs = pack(folder);
    assert.ok(tarballs.length >= 10, `${tarballs}`);
    writeFileSync(
      join(folder, "package.json"),
      '{ "name": "user", "private": true, "type": "module" }',
    );
    run("npm", "install", "--no-audit", "--no-fund", "--prefer-offline", ...tarballs);
    assert.deepEqual(strayFiles(join(folder, "node_modules")), []);
    writeFileSync(join(folder, "server.mjs"), server);
    for (const [entry, offers] of libraries) {
      const program = `console.log(typeof (await import("${entry}")).${offers})`;
      assert.equal(
        run(process.execPath, "--input-type=module", "-e", program),
        "function\n",
        entry,
      );
    }
    const prunella = join(folder, "node_modules/.bin/prunella");
    run(
      prunella,
      "init",
      "--run",
      "./server.mjs",
      "--name",
      "packed",
      "--count",
      "2",
      "--port",
      port,
    );
    assert.match(readFileSync(join(folder, "cluster.ts"), "utf8"), /from "prunella"/);
    try {
      run(prunella, "up");
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "packed");
      const status = JSON.parse(run(prunella, "status", "--json"));
      assert.equal(status.services[0].ready, 2);
      assert.throws(
        () => run(prunella, "paper", "balancer"),
        /Papers run from Prunella's repository/,
      );
    } finally {
      run(prunella, "down", "--purge");
    }
    const cookies = "cookies/cluster.ts"; // It imports prunella/election, also as an installed package.
    cpSync(join(root, "examples/fortune"), join(folder, "cookies"), {
      recursive: true,
      filter: (path) => !/\.prunella$|node_modules$|\.test\.ts$/.test(path),
    });
    try {
      run(prunella, "up", "-f", cookies);
      const answer = await fetch(`http://127.0.0.1:${port}/fortune`);
      assert.equal(((await answer.json()) as { number: number }).number, 1);
    } finally {
      run(prunella, "down", "--purge", "-f", cookies);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Builds and packs every package that is published. */
function pack(folder: string): readonly string[] {
  const { workspaces } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const places = (workspaces as string[]).flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    return readdirSync(join(root, parent)).map((name) => join(parent, name));
  });
  const published = places.filter((place) => {
    return JSON.parse(readFileSync(join(root, place, "package.json"), "utf8")).private !== true;
  });
  for (const place of published)
    rmSync(join(root, place, "dist"), { recursive: true, force: true });
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-b"], { cwd: root });
  const flags = published.flatMap((place) => ["-w", place]);
  execFileSync("npm", ["pack", "--pack-destination", folder, ...flags], {
    cwd: root,
    stdio: "ignore",
  });
  return readdirSync(folder)
    .filter((name) => name.endsWith(".tgz"))
    .map((name) => join(folder, name));
}

/** Sources, tests and their equipment do not belong into what a user downloads. */
function strayFiles(modules: string): readonly string[] {
  const places = [join(modules, "prunella"), join(modules, "@prunella")];
  return places
    .flatMap((place) => readdirSync(place, { recursive: true, encoding: "utf8" }))
    .filter((path) => !path.includes("node_modules"))
    .filter((path) => /\.test\.|\/(testing|fixtures)\/|(?<!\.d)\.ts$/.test(path));
}
