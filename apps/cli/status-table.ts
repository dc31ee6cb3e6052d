/**
 * The cluster as a table: one line an instance, and below it, where one does not serve, why. Nothing
 * is cut: on a narrow screen the less important columns go, and reasons go over several lines. Host
 * names have a column only where clients know an instance by another name than ours.
 */
import type { ClusterStatus, InstanceStatus, ServiceStatus } from "@prunella/wire/control";
import { ageText } from "./duration.ts";
import { roleText } from "./leader-mark.ts";
import { everyInstance } from "./names.ts";
import { phaseText } from "./phase-mark.ts";
import { reasonText } from "./reason-text.ts";
import { type Screen, wrap } from "./screen.ts";
import { type Column, drawTable } from "./table.ts";
import { troubleLines } from "./trouble-lines.ts";
import { unsettledBeside } from "./unsettled.ts";

const hostNameTitle = "HOST NAME";
const roleTitle = "ROLE";

const columns: readonly Column[] = [
  { title: "NAME" },
  { title: hostNameTitle },
  { title: "PHASE" },
  { title: roleTitle },
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
      note: `${service.ready} of ${service.desired} ready${leadText(service)}`,
      isWhole: service.ready === service.desired && !lacksLeader(service),
      instances: service.instances,
    })),
    {
      title: "gateway",
      note: status.url,
      isWhole: status.gateways.every((gateway) => gateway.ready),
      instances: status.gateways,
    },
  ].filter((group) => group.instances.length > 0 || group.title !== "gateway");

  const all = groups.flatMap((group) => group.instances);
  const hidden = [
    ...(all.every(({ name, hostname }) => name === hostname) ? [hostNameTitle] : []),
    ...(all.every(({ leads }) => leads === undefined) ? [roleTitle] : []),
  ];
  const isHidden = (index: number) => hidden.includes(columns[index]?.title ?? "");
  const rows = all.map((each) => cells(each, screen, nowMs).filter((_, index) => !isHidden(index)));
  const visible = columns.filter((_, index) => !isHidden(index));
  const [head = "", ...drawn] = drawTable(visible, rows, screen.columns - 2);
  const lines = [
    headline(status, screen),
    ...unsettledLines(status, screen),
    ...troubleLines(status.troubles, screen, nowMs),
    "",
    `  ${screen.style("dim", head)}`,
  ];
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

/** Who leads an elected service, beside how many are ready. */
function leadText({ kind, instances }: ServiceStatus): string {
  if (kind !== "elected") return "";
  const leader = instances.find(({ leads }) => leads === true);
  return leader === undefined ? ", nobody leads" : `, ${leader.name} leads in term ${leader.term}`;
}

function lacksLeader({ kind, desired, instances }: ServiceStatus): boolean {
  return kind === "elected" && desired > 0 && !instances.some(({ leads }) => leads === true);
}

function headline(status: ClusterStatus, screen: Screen): string {
  const settled = status.converged
    ? screen.style("green", "converged")
    : screen.style("yellow", "converging");
  const name = status.cluster === "" ? "no cluster applied yet" : status.cluster;
  return `${screen.style("bold", name)}  ${settled}  ${screen.style("dim", `agent pid ${status.agent.pid}`)}`;
}

/** What the rows do not show; nothing for a cluster that is as it should be. */
function unsettledLines(status: ClusterStatus, screen: Screen): readonly string[] {
  const told = everyInstance(status).filter((instance) => instance.phase !== "serving");
  return unsettledBeside(status, told).flatMap((sentence) => {
    const [first = "", ...rest] = wrap(sentence, Math.min(screen.columns, 120) - 4);
    return [`  ${first}`, ...rest.map((line) => `    ${line}`)];
  });
}

function cells(instance: InstanceStatus, screen: Screen, nowMs: number): readonly string[] {
  return [
    instance.name,
    instance.hostname,
    phaseText(instance.phase, screen),
    roleText(instance.leads, screen),
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
