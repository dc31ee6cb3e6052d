/** The gateway as a library: `import { createGateway } from "prunella/gateway"`. It needs no agent. */
export {
  createGateway,
  type Gateway,
  type GatewayOptions,
} from "@prunella/gateway";
