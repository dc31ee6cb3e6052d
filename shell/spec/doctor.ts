/**
 * Doctor: findings about a cluster that is valid, but may not do what its author hopes. Each rule is
 * taken from a mistake that people really make, has a stable id, and says why it matters and how to
 * fix it. Rules are pure; what they know of the machine is handed in as facts.
 */
import type { ClusterSpec, ServiceSpec } from "./cluster-spec.ts";
import { type Path, pathText } from "./complaint.ts";
import { clusterRules } from "./doctor-cluster-rules.ts";
import { serviceRules } from "./doctor-service-rules.ts";
import type { MachineFacts } from "./machine-facts.ts";
import { locate, type Positions } from "./source-positions.ts";

/** `error`: it will not work. `warning`: it will hurt one day. `info`: good to know. */
export type Severity = "error" | "warning" | "info";

export type Remark = {
  readonly path: Path;
  readonly severity: Severity;
  /** Continues a sentence that begins with the path. */
  readonly message: string;
  readonly why: string;
  readonly fix: string;
};

/** A service as a rule sees it. */
export type RuleInput = {
  readonly name: string;
  readonly service: ServiceSpec;
  readonly spec: ClusterSpec;
  readonly facts: MachineFacts;
  /** Text of the cluster file; empty when there is none. */
  readonly text: string;
};

export type ServiceRule = {
  readonly id: string;
  readonly find: (input: RuleInput) => readonly Remark[];
};

export type ClusterRule = {
  readonly id: string;
  readonly find: (spec: ClusterSpec, facts: MachineFacts) => readonly Remark[];
};

export type Finding = {
  readonly id: string;
  readonly severity: Severity;
  /** Service name, or `gateway`, or undefined for the cluster as a whole. */
  readonly service: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** A whole sentence without its full stop. */
  readonly message: string;
  readonly why: string;
  readonly fix: string;
};

export type Patient = {
  readonly spec: ClusterSpec;
  readonly file: string;
  readonly text: string;
  readonly positions: Positions;
};

export const ruleIds: readonly string[] = [...clusterRules, ...serviceRules].map(({ id }) => id);

const order: readonly Severity[] = ["error", "warning", "info"];

/** Worst first, then in the order of the file. */
export function diagnose(patient: Patient, facts: MachineFacts): readonly Finding[] {
  const { spec, text } = patient;
  const findings: Finding[] = [];
  for (const { id, find } of clusterRules) {
    for (const remark of find(spec, facts)) findings.push(finding(id, remark, patient));
  }
  for (const [name, service] of Object.entries(spec.services)) {
    for (const { id, find } of serviceRules) {
      const remarks = find({ name, service, spec, facts, text });
      for (const remark of remarks) findings.push(finding(id, remark, patient));
    }
  }
  return findings.toSorted(
    (a, b) =>
      order.indexOf(a.severity) - order.indexOf(b.severity) ||
      a.line - b.line ||
      a.column - b.column,
  );
}

function finding(id: string, remark: Remark, { file, positions }: Patient): Finding {
  const { path, severity, message, why, fix } = remark;
  // What concerns all services points at the word, not at the first of them.
  const { line, column } = locate(positions, path, path.length === 1 ? "key" : "value");
  const subject = path[0] === "services" ? path[1] : path[0];
  const service = subject === undefined || path.length === 1 ? undefined : String(subject);
  const text = `${pathText(path)} ${message}`;
  return { id, severity, service, file, line, column, message: text, why, fix };
}
