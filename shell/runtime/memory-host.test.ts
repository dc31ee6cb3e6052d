import { runtimeConformance } from "./conformance.ts";
import { hostConformance } from "./host-conformance.ts";
import { createSupervisor, MemoryComputer, memoryPrograms } from "./index.ts";

const { serve, ...others } = memoryPrograms;
const programs = { ...others, serve, family: serve };
const log = { fileMiB: 1, filesMax: 1 };

hostConformance("memory host", async () => {
  const computer = new MemoryComputer(programs);
  return {
    open: async () => computer.open(),
    program: (behaviour) => ({
      command: [behaviour],
      folder: "/",
      env: {
        PRUNELLA_CLUSTER: "conformance",
        PRUNELLA_SERVICE: "hello",
        PRUNELLA_INSTANCE: "hello-1",
        PRUNELLA_INCARNATION: "3",
      },
      fixedPort: undefined,
      log,
    }),
    survivors: async ({ pid }) => computer.list().filter((copy) => copy.pid === pid).length,
    [Symbol.asyncDispose]: () => computer[Symbol.asyncDispose](),
  };
});

runtimeConformance("supervisor over memory", async () => {
  const computer = new MemoryComputer(programs);
  return {
    open: async () => createSupervisor(computer.open()),
    program: (behaviour) => ({ command: [behaviour], folder: "/", env: {} }),
    [Symbol.asyncDispose]: () => computer[Symbol.asyncDispose](),
  };
});
