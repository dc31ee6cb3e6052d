/** What a cluster file imports from `prunella`. It loads no library, so reading a file stays quick. */
export {
  type ClusterDefinition,
  database,
  defineCluster,
  type ElectedDefinition,
  type ElectedInput,
  elected,
  type GatewayInput,
  type HealthInput,
  type KeyInput,
  type PlannedDefinition,
  type ReplicasDefinition,
  type ReplicasInput,
  type RouteInput,
  replicas,
  type ServiceDefinition,
  workers,
} from "@prunella/spec/definition";
