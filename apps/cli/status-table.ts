/**
 * The cluster as a table: one line an instance, and below it, where one does not serve, why. Nothing
 * is cut: on a narrow screen the less important columns go, and reasons go over several lines.
 */
import type { ClusterStatus, InstanceStatus } from "@prunella/wire/control";
import { ageText } from "./duration.ts";
import { phaseText } from "./phase-mark.ts";
import { reasonText } from "./reason-text.ts";
import { type Screen, wrap } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";

const columns: readonly Column[] = [
  { title: "NAME" },
  { title: "PHASE" },
  { title: "INC", align: "right", rank: 4 },
  { title: "RESTARTS", align: "right", rank: 3 },
  { title: "PID", align: "right" },
  { title: "ADDRESS" },
  { title: "CPU", align: "right", rank: 1 },
  { title: "MEM", align: "right", rank: 2 },
  { title: "AGE", align: "right" },
];

export function drawStatus(status: ClusterStatus, screen: Screen, nowMs: number): string {
  const groups = [
    ...status.services.map((service) => ({
      title: service.name,
      note: `${service.ready} of ${service.desired} ready`,
      isWhole: service.ready === service.desired,
      instances: service.instances,
    })),
    {
      title: "gateway",
      note: status.url,
      isWhole: status.gateways.every((gateway) => gateway.ready),
      instances: status.gateways,
    },
  ].filter((group) => group.instances.length > 0 || group.title !== "gateway");

  const rows = groups.flatMap((group) => group.instances.map((each) => cells(each, screen, nowMs)));
  const [head = "", ...drawn] = drawTable(columns, rows, screen.columns - 2);
  const lines = [headline(status, screen), "", `  ${screen.style("dim", head)}`];
  let index = 0;
  for (const group of groups) {
    if (index > 0) lines.push("");
    const colour = group.isWhole ? "green" : "yellow";
    lines.push(`${screen.style("bold", group.title)}  ${screen.style(colour, group.note)}`);
    for (const instance of group.instances) {
      lines.push(`  ${drawn[index++] ?? ""}`, ...reasonLines(instance, screen));
    }
  }
  return `${lines.join("\n")}\n`;
}

function headline(status: ClusterStatus, screen: Screen): string {
  const settled = status.converged
    ? screen.style("green", "converged")
    : screen.style("yellow", "converging");
  const name = status.cluster === "" ? "no cluster applied yet" : status.cluster;
  return `${screen.style("bold", name)}  ${settled}  ${screen.style("dim", `agent pid ${status.agent.pid}`)}`;
}

function cells(instance: InstanceStatus, screen: Screen, nowMs: number): readonly string[] {
  return [
    instance.name,
    phaseText(instance.phase, screen),
    `${instance.incarnation}`,
    `${instance.restarts}`,
    instance.pid === null ? "-" : `${instance.pid}`,
    instance.address ?? "-",
    instance.cpu === null ? "-" : `${Math.round(instance.cpu * 100)}%`,
    instance.memoryMiB === null ? "-" : `${Math.round(instance.memoryMiB)}M`,
    ageText(instance.startedAt, nowMs),
  ];
}

/** An instance that serves explains itself; any other one says why it does not. */
function reasonLines(instance: InstanceStatus, screen: Screen): readonly string[] {
  if (instance.phase === "serving" || instance.reason === "") return [];
  const branch = screen.style("dim", `    ${screen.marks.branch} `);
  const text = wrap(reasonText(instance), Math.min(screen.columns, 120) - 7);
  return text.map((line, index) => (index === 0 ? branch : "      ") + line);
}
