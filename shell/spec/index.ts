export { type ClusterCheck, checkCluster } from "./cluster-check.ts";
