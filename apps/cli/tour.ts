/** The screen after `up`: what runs where, and what one could try now. Every line of it can be pasted. */
import type { ClusterSpec, ServiceSpec } from "@prunella/spec";
import type { ClusterStatus, InstanceStatus } from "@prunella/wire/control";
import type { Invocation } from "./invocation.ts";
import { phaseMark } from "./phase-mark.ts";
import type { Screen } from "./screen.ts";
import { drawTable } from "./table.ts";

/** Instances shown by name; `status` shows all of them. */
const instancesShownMax = 8;
const curlsShownMax = 3;

type Trial = readonly [command: string, meaning: string];

export function drawTour(call: Invocation, spec: ClusterSpec, status: ClusterStatus): string {
  const { out } = call;
  const sections = [
    [`${out.style(["bold", "underline"], status.url)}`],
    placeLines(status, out),
    [out.style("bold", "Try"), ...trialLines(trials(call, spec, status), out)],
  ];
  const lines = sections.flatMap((section) => ["", ...section.map((line) => `  ${line}`)]);
  return `${lines.join("\n")}\n\n`;
}

function placeLines(status: ClusterStatus, screen: Screen): readonly string[] {
  const members = status.services.flatMap((service) => service.instances);
  const shown = members.slice(0, instancesShownMax);
  const columns = [{ title: "" }, { title: "" }, { title: "" }, { title: "" }];
  const row = (instance: InstanceStatus, note: string) => [
    `${phaseMark(instance.phase, screen)} ${instance.name}`,
    instance.address ?? "-",
    `pid ${instance.pid ?? "-"}`,
    screen.style("dim", note),
  ];
  const rows = [
    ...status.gateways.map((gateway) => row(gateway, "every request enters here")),
    ...shown.map((member) => row(member, noteOf(member))),
  ];
  const [, ...lines] = drawTable(columns, rows, screen.columns - 2);
  const hidden = members.length - shown.length;
  return hidden === 0 ? lines : [...lines, screen.style("dim", `and ${hidden} more: status`)];
}

function noteOf({ leads, hostname, name }: InstanceStatus): string {
  if (leads === true) return "leads";
  return hostname === name ? "" : `"${hostname}"`;
}

function trials(call: Invocation, spec: ClusterSpec, status: ClusterStatus): readonly Trial[] {
  const [service] = status.services;
  const instances = service?.instances.filter((instance) => instance.pid !== null) ?? [];
  const victim = instances.find(({ leads }) => leads === true) ?? instances[0];
  const found: Trial[] = curls(spec, status.url).map((curl) => [curl, ""]);
  if (victim !== undefined && victim.pid !== null) {
    const isLeader = victim.leads === true;
    const meaning = isLeader ? "hurt the leader" : "hurt it";
    found.push([`kill -9 ${victim.pid}`, `${meaning}: nobody outside will notice`]);
    const why = isLeader ? `elect why ${service?.name}` : `why ${victim.name}`;
    found.push([call.hint(why), "and see what happened"]);
  }
  found.push(
    [call.hint("status --watch"), "everything, live"],
    [call.hint("logs -f"), "what it writes"],
  );
  if (service !== undefined) {
    const { scale } = spec.services[service.name] ?? { scale: { max: service.desired } };
    const count = Math.min(service.desired + 2, scale.max);
    if (count > service.desired)
      found.push([call.hint(`scale ${service.name} ${count}`), "more of it"]);
  }
  found.push([call.hint("down"), "the end"]);
  return found;
}

function trialLines(all: readonly Trial[], screen: Screen): readonly string[] {
  const width = Math.max(...all.map(([command]) => command.length)) + 3;
  return all.map(([command, meaning]) => {
    const gap = " ".repeat(width - command.length);
    return `  ${screen.style("cyan", command)}${gap}${screen.style("dim", meaning)}`.trimEnd();
  });
}

function curls(spec: ClusterSpec, url: string): readonly string[] {
  return Object.values(spec.services)
    .flatMap((service) => curlsOf(service, url))
    .slice(0, curlsShownMax);
}

/** The first way in that a person can type; in compatibility mode the paths of the source are known. */
function curlsOf(service: ServiceSpec, url: string): readonly string[] {
  const route = service.routes.find(({ host }) => host === undefined || !host.startsWith("*"));
  if (route === undefined) return [];
  const host = route.host === undefined ? "" : ` -H 'Host: ${route.host}'`;
  if (service.compat === "load-balancer")
    return [`curl${host} ${url}/home`, `curl${host} ${url}/rep`];
  return [`curl${host} ${url}${route.prefix}`];
}
