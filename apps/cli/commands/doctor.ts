/** `prunella doctor`: what is valid in the cluster file, and still unwise. */
import { loadFile } from "../cluster-file.ts";
import { exitCodes } from "../exit-code.ts";
import { drawFinding, findingsOf } from "../findings.ts";
import type { Action } from "../verb.ts";

export const doctor: Action = async (call) => {
  const file = await loadFile(call);
  const findings = await findingsOf(call, file);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (call.json) call.printJson({ cluster: file.spec.name, findings });
  else call.out.write(findings.map((each) => drawFinding(call, each, call.out)).join("\n"));
  if (findings.length === 0) call.sayDone(`${file.spec.name} is in good health`);
  else call.say(`\n${countText(findings.length, "finding")}, ${countText(errors, "error")}`);
  return errors > 0 ? exitCodes.failed : exitCodes.ok;
};

function countText(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
