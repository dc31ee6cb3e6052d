export { type ClusterCheck, checkCluster } from "./cluster-check.ts";
export {
  type ClusterFile,
  clusterFileNames,
  type LoadOptions,
  loadCluster,
} from "./cluster-file.ts";
export type {
  ClusterSpec,
  ElectedSpec,
  ElectionSpec,
  PlannedChange,
  ReplicasSpec,
  ServiceSpec,
} from "./cluster-spec.ts";
export { type Complaint, complaintError, complaintText, type Path, pathText } from "./complaint.ts";
export type { Surroundings } from "./completion.ts";
export { defaults, limits } from "./defaults.ts";
export { diagnose, type Finding, type Patient, ruleIds, type Severity } from "./doctor.ts";
export { type InitAnswers, type InitFile, initDefinition, initFile } from "./init-template.ts";
export { type MachineFacts, machineFacts } from "./machine-facts.ts";
export { planCluster, type Running } from "./plan.ts";
export { type Problem, problemText } from "./problem.ts";
