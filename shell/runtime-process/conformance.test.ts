import { hostConformance } from "@prunella/runtime/host-conformance";
import { ProcessBench } from "./fixtures/process-bench.ts";

hostConformance("process", () => ProcessBench.make());
