/**
 * Signatures without an election: for whoever gives orders to electors and is none itself, such as an
 * agent. It loads keys and codes, and nothing of the rest.
 */
export {
  Authenticator,
  type AuthenticatorOptions,
  type Identity,
} from "./authentication/authenticator.ts";
export { KeyRing } from "./authentication/key-ring.ts";
export { signatureHeader } from "./authentication/signature.ts";
