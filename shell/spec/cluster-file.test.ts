import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ClusterFolder } from "./testing/cluster-folder.ts";
import { unmark } from "./testing/marked-text.ts";

const head = 'import { defineCluster, replicas } from "prunella";\n';
const good = `${head}export default defineCluster({ name: "a", services: { web: replicas({ run: "./x.ts" }) } });\n`;
const goodYaml = "name: b\nservices: { web: { kind: replicas, run: ./x.ts } }\n";

test("cluster.ts comes before cluster.yaml, and a name that is given before both", async () => {
  using folder = new ClusterFolder({ "cluster.ts": good, "cluster.yaml": goodYaml });
  assert.equal((await folder.load()).spec.name, "a");
  assert.equal((await folder.load({ file: "cluster.yaml" })).spec.name, "b");
  assert.equal((await folder.load({ file: join(folder.path, "cluster.ts") })).spec.name, "a");
});

test("a TypeScript file needs no package.json and no prunella beside it", async () => {
  using folder = new ClusterFolder({ "cluster.ts": good });
  const { spec, definition, file } = await folder.load();
  assert.deepEqual(spec.services["web"]?.command, ["/usr/bin/node", join(folder.path, "x.ts")]);
  assert.deepEqual(definition, {
    name: "a",
    services: { web: { run: "./x.ts", kind: "replicas" } },
  });
  assert.equal(file, join(folder.path, "cluster.ts"));
  folder.write("package.json", '{ "type": "commonjs" }');
  assert.equal((await folder.load()).spec.name, "a");
});

test("a file that changed, or whose import changed, is read anew", async () => {
  const text = `${head}import { count } from "./count.ts";
export default defineCluster({ name: "a", services: { web: replicas({ run: "x", count }) } });`;
  using folder = new ClusterFolder({ "cluster.ts": text, "count.ts": "export const count = 2;" });
  assert.equal((await folder.load()).spec.services["web"]?.count, 2);
  folder.write("count.ts", "export const count = 3;");
  assert.equal((await folder.load()).spec.services["web"]?.count, 3);
});

test("a promise of a cluster is a cluster", async () => {
  const text = good
    .replace("defineCluster(", "Promise.resolve(defineCluster(")
    .replace("});\n", "}));\n");
  using folder = new ClusterFolder({ "cluster.ts": text });
  assert.equal((await folder.load()).spec.name, "a");
});

test("a missing file is told with what to do", async () => {
  using folder = new ClusterFolder();
  const none = await folder.failure();
  assert.equal(none.code, "CLUSTER_FILE_MISSING");
  assert.match(
    none.message,
    /^There is no cluster\.ts, cluster\.yaml, cluster\.yml in .*prunella init/,
  );
  const named = await folder.failure({ file: "shop.ts" });
  assert.equal(named.code, "CLUSTER_FILE_MISSING");
  assert.equal(
    named.message,
    "There is no file shop.ts; correct -f, or write the file with prunella init.",
  );
  folder.write("file", "");
  assert.equal((await folder.failure({ file: "file/cluster.ts" })).code, "CLUSTER_FILE_MISSING");
});

test("what is no readable text is told as such", async () => {
  using folder = new ClusterFolder({
    "large.yaml": "#".repeat(1_048_577),
    "latin.yaml": Uint8Array.of(0x6e, 0xe9, 0x0a),
    "bom.yaml": `\ufeff${goodYaml}`,
    "cluster.txt": goodYaml,
  });
  mkdirSync(join(folder.path, "folder.ts"));
  symlinkSync("/dev/zero", join(folder.path, "endless.yaml"));
  const said = async (file: string) => (await folder.failure({ file })).message.split("\n")[0];
  assert.equal(await said("folder.ts"), "folder.ts:1:1: the cluster file is a folder");
  assert.equal(
    await said("large.yaml"),
    "large.yaml:1:1: the cluster file is larger than 1048576 bytes",
  );
  assert.equal(await said("latin.yaml"), "latin.yaml:1:1: the cluster file is not UTF-8 text");
  assert.equal(await said("endless.yaml"), "endless.yaml:1:1: the cluster file is no regular file");
  assert.equal(
    await said("cluster.txt"),
    "cluster.txt:1:1: the cluster file has a name that tells nothing (cluster.txt)",
  );
  assert.equal((await folder.load({ file: "bom.yaml" })).spec.name, "b");
});

/** Text of `cluster.ts` with the marker ‸ where the problem must point, and what it must say. */
const brokenScripts: readonly (readonly [string, string])[] = [
  ["‸", "the cluster file is empty"],
  ["‸  \n\n", "the cluster file is empty"],
  [
    "export default {\n  name: [1,\n‸};",
    "the cluster file is no valid TypeScript: Expression expected",
  ],
  [
    "let a = 1;\nlet ‸a = 2;",
    "the cluster file is no valid TypeScript: Identifier 'a' has already been declared",
  ],
  [
    "const ok = 1;\n‸enum Kind { A }",
    "the cluster file cannot be run: TypeScript enum is not supported in strip-only mode",
  ],
  ["‸export const cluster = 1;", "the cluster file exports no cluster: it has no default export"],
  ["export default ‸5;", "the cluster file must be an object, not 5"],
  ["export default ‸undefined;", "the cluster file is missing"],
  [
    "export default ‸() => ({});",
    "the cluster file is a function, but a cluster file holds plain data",
  ],
  [
    "export default ‸new Date(0);",
    "the cluster file is a Date, but a cluster file holds plain data",
  ],
  [
    "function f() {\n  throw ‸new RangeError('no\\nway');\n}\nf();",
    "the cluster file throws while it is read: RangeError: no way",
  ],
  [
    "‸missingName.x;",
    "the cluster file throws while it is read: ReferenceError: missingName is not defined",
  ],
  ["‸throw 'text';", "the cluster file throws while it is read: text"],
  [
    "‸throw Object.create(null);",
    "the cluster file throws while it is read: a value that is no error",
  ],
  [
    "import 'fs';\nimport x from ‸'no-such-package';\nexport default x;",
    "the cluster file imports no-such-package, which cannot be found",
  ],
  ["import ‸'./gone.ts';", "the cluster file imports ./gone.ts, which cannot be found"],
  [
    "import { ‸replica } from 'prunella';\nexport default replica;",
    "the cluster file imports replica, which prunella does not export",
  ],
  [
    "import { bad } from './thrower.ts';\nexport default ‸bad();",
    "the cluster file throws while it is read: inside",
  ],
  [
    "‸process.exit(0);",
    "the cluster file ends the process with code 0 instead of exporting a cluster",
  ],
  [
    "‸export default await new Promise(() => {});",
    "the cluster file waits for something that never comes",
  ],
  [
    "setTimeout(() => {\n  throw ‸new Error('late');\n});\nawait new Promise((done) => setTimeout(done, 500));",
    "the cluster file throws while it is read: late",
  ],
];

test("a TypeScript file that cannot be read is told with its place", async () => {
  const checks = brokenScripts.map(async ([marked, says]) => {
    const { text, positions } = unmark(marked);
    using folder = new ClusterFolder({
      "cluster.ts": text,
      "thrower.ts": "export function bad(): never {\n  throw new Error('inside');\n}",
    });
    const { problems } = await folder.failure();
    const { line, column, message } = problems[0] ?? {};
    assert.deepEqual({ line, column, message }, { ...positions[0], message: says }, text);
  });
  await Promise.all(checks);
});

test("a mistake in a file that the cluster file imports is told with the place there", async () => {
  for (const [name, marked] of [
    ["part.ts", "export const a: number = 1;\nconst b: ‸= 2;\n"],
    ["part.mjs", "export const a = 1;\nconst b = ‸= 2;\n"],
    ["part.mjs", "import ‸'./nothing.mjs';\n"],
  ] as const) {
    const { text, positions } = unmark(marked);
    using folder = new ClusterFolder({ "cluster.ts": `import "./${name}";`, [name]: text });
    const { problems, message } = await folder.failure();
    assert.equal(problems[0]?.line, positions[0]?.line, message);
    assert.match(message, new RegExp(`^${name}:`), message);
  }
});

test("code that never ends is stopped at the deadline", async () => {
  for (const loop of [
    "while (true) {}",
    "setInterval(() => {}, 1000); await new Promise(() => {});",
  ]) {
    using folder = new ClusterFolder({ "cluster.ts": loop });
    const { message } = await folder.failure({ deadlineMs: 300 });
    assert.match(message, /the cluster file did not end within 300 ms/);
  }
});

test("a cluster that cannot be plain data is refused part by part", async () => {
  const text = `${head}
const loop: Record<string, unknown> = {};
loop.again = loop;
export default defineCluster({
  name: "a",
  services: {
    a: replicas({ run: "x", env: { A: process.env["NO_SUCH_VARIABLE"]!, B: () => "b" } as never }),
    b: loop as never,
    c: { get kind() { throw new Error("ouch"); } } as never,
  },
});`;
  using folder = new ClusterFolder({ "cluster.ts": text });
  const { problems } = await folder.failure();
  assert.deepEqual(
    problems.map(({ message, line }) => `${line} ${message}`),
    [
      "8 services.a.env.A is undefined",
      "8 services.a.env.B is a function, but a cluster file holds plain data",
      "9 services.b.again contains itself, but a cluster file holds plain data",
      "9 services.b.kind is missing",
      "9 services.b.run is missing",
      "10 services.c throws when it is read (ouch), but a cluster file holds plain data",
    ],
  );
});

const brokenYaml: readonly (readonly [string, RegExp])[] = [
  ["‸# only a comment\n", /^the cluster file is empty/],
  ["name: a\n‸name: b\n", /is no valid YAML: Map keys must be unique/],
  ["name: [a, b\n‸", /is no valid YAML: .*end with a \]/],
  ["name: ‸!secret x\n", /is no valid YAML: Unresolved tag/],
  ["name: a\n‸---\nname: b\n", /is no valid YAML: .*multiple documents/],
  ["‸name: *nobody\n", /is no cluster file: Unresolved alias .*nobody/],
  [`‸${"[".repeat(20_000)}`, /is no cluster file: nested too deeply/],
  [
    `‸a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]`,
    /is no cluster file: too many aliases/,
  ],
];

test("a YAML file that cannot be read is told with its place", async () => {
  for (const [marked, says] of brokenYaml) {
    const { text, positions } = unmark(marked);
    using folder = new ClusterFolder({ "cluster.yml": text });
    const { problems } = await folder.failure();
    assert.match(problems[0]?.message ?? "", says);
    assert.deepEqual(
      { line: problems[0]?.line, column: problems[0]?.column },
      positions[0],
      text.slice(0, 80),
    );
  }
});

test("nothing that a file says can steer the terminal", async () => {
  using folder = new ClusterFolder({ "cluster.yaml": 'name: "\\e[2J" # \u001b[31m\nservices: {}' });
  const { message } = await folder.failure();
  assert.equal(/[^\n\P{C}]/u.test(message), false, JSON.stringify(message));
});
