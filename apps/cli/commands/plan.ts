/** `prunella plan`: what `up` would do, why, and what it may cost. Changes nothing. */
import type { PlannedChange } from "@prunella/spec";
import { findAgent } from "../agent-process.ts";
import { loadFile } from "../cluster-file.ts";
import { exitCodes } from "../exit-code.ts";
import { printable } from "../printable.ts";
import type { Screen, Style } from "../screen.ts";
import { wrap } from "../screen.ts";
import type { Action } from "../verb.ts";

const looks: Readonly<Record<PlannedChange["action"], { mark: string; style: Style }>> = {
  create: { mark: "+", style: "green" },
  remove: { mark: "-", style: "red" },
  scale: { mark: "~", style: "cyan" },
  restart: { mark: "!", style: "yellow" },
  reroute: { mark: "~", style: "cyan" },
  keep: { mark: "=", style: "dim" },
};

const riskStyles: Readonly<Record<PlannedChange["risk"], Style>> = {
  none: "dim",
  low: "yellow",
  high: "red",
};

export const plan: Action = async (call, _words, options) => {
  const { definition, folder, spec } = await loadFile(call);
  const agent = await findAgent(call);
  const changes =
    agent === undefined
      ? (await import("@prunella/spec")).planCluster(undefined, spec)
      : await agent.plan({ cluster: definition, folder });
  const pending = changes.filter((change) => change.action !== "keep");
  if (call.json) call.printJson({ cluster: spec.name, running: agent !== undefined, changes });
  else call.out.write(drawPlan(changes, call.out));
  if (pending.length > 0) call.say(`\nCarry it out: ${call.hint("up")}`);
  else call.sayDone("nothing to change");
  return options.flag("exitCode") && pending.length > 0 ? exitCodes.changesPending : exitCodes.ok;
};

function drawPlan(changes: readonly PlannedChange[], screen: Screen): string {
  const width = Math.min(screen.columns, 120) - 6;
  const lines = changes.flatMap(({ action, service, detail, reason, risk, riskDetail }) => {
    const { mark, style } = looks[action];
    const head = `${screen.style(style, `${mark} ${action}`)} ${screen.style("bold", service)}`;
    const indented = (text: string) => wrap(printable(text), width).map((line) => `    ${line}`);
    const cost = risk === "none" ? [] : indented(`${risk} risk: ${riskDetail}`);
    return [
      `${head}  ${printable(detail)}`,
      ...indented(reason).map((line) => screen.style("dim", line)),
      ...cost.map((line) => screen.style(riskStyles[risk], line)),
    ];
  });
  return `${lines.join("\n")}\n`;
}
