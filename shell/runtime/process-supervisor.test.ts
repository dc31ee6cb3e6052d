import { join } from "node:path";
import { ProcessBench } from "../runtime-process/fixtures/process-bench.ts";
import { runtimeConformance } from "./conformance.ts";
import { createSupervisor } from "./index.ts";

const silent = join(import.meta.dirname, "fixtures", "silent.mjs");

runtimeConformance("supervisor over processes", async () => {
  const bench = await ProcessBench.make();
  return {
    async open() {
      const host = await bench.open();
      const runtime = createSupervisor(host);
      const end = runtime[Symbol.asyncDispose].bind(runtime);
      runtime[Symbol.asyncDispose] = async () => {
        await end();
        await host[Symbol.asyncDispose]();
      };
      return runtime;
    },
    program(behaviour) {
      if (behaviour !== "silent") return bench.program(behaviour);
      return { ...bench.program("serve"), command: [process.execPath, silent] };
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  };
});
