import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkCluster } from "./cluster-check.ts";
import { type InitAnswers, initDefinition, initFile } from "./init-template.ts";
import { ClusterFolder } from "./testing/cluster-folder.ts";
import { readYaml } from "./yaml-cluster.ts";

const plain: InitAnswers = {
  ...{ name: "shop", program: "./server.ts", count: 3, port: 5000 },
  ...{ health: "/healthz", format: "ts" },
};

const answers: readonly InitAnswers[] = [
  plain,
  { ...plain, service: "web", health: undefined, port: 8080 },
  { ...plain, name: "my.shop-1", program: "python3 'my app.py' \"x\"", count: 0 },
  { ...plain, name: "123", program: "./a.ts --x=#1" },
];

test("what init writes is what was answered, in both languages", async () => {
  for (const answer of answers) {
    for (const format of ["ts", "yaml"] as const) {
      const { fileName, text } = initFile({ ...answer, format });
      using folder = new ClusterFolder({ [fileName]: text });
      const { spec } = await folder.load();
      const around = { folder: folder.path, execPath: "/usr/bin/node" };
      assert.deepEqual({ ok: true, spec }, checkCluster(initDefinition(answer), around), text);
    }
  }
});

test("the file is short and reads well", () => {
  assert.equal(
    initFile({ ...plain, port: 8080 }).text,
    `import { defineCluster, replicas } from "prunella";

export default defineCluster({
  name: "shop",
  gateway: { port: 8080 },
  services: {
    shop: replicas({
      run: "./server.ts", // Listens on PORT and stops on SIGTERM.
      count: 3,
      route: "/",
      health: "/healthz",
    }),
  },
});
`,
  );
});

// Goal: no answer can break out of its place in the file. Method: any answers at all; the YAML text
// must read back as exactly the definition that init would check first.
test("strange answers stay what they are", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  const any = fc.record({
    name: text,
    service: text,
    program: text,
    count: fc.nat(),
    port: fc.integer({ min: 1, max: 65_535 }),
    health: fc.option(text, { nil: undefined }),
  });
  fc.assert(
    fc.property(any, (answer) => {
      const read = readYaml(initFile({ ...answer, format: "yaml" }).text);
      assert.ok(read.ok, JSON.stringify(read));
      const { gateway, ...rest } = initDefinition({ ...answer, format: "yaml" }) as Record<
        string,
        unknown
      >;
      assert.deepEqual(read.value, answer.port === 5000 ? rest : { gateway, ...rest });
    }),
    { seed: 3, numRuns: 500 },
  );
});
