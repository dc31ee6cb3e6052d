export { compare, type Movement } from "./comparison.ts";
export { describe, type PlacementDescription } from "./description.ts";
export { hashByte, hashEnd, hashKey, hashStart } from "./key-hash.ts";
export { admissible, type LoadView, loadBound, loadFloor } from "./load-bound.ts";
export {
  nextOwner,
  nextOwnerIndex,
  ownerIndex,
  ownerOf,
  type Placement,
  type PlacementOptions,
  place,
  type RingMember,
  ringMembersMax,
} from "./placement.ts";
export {
  ownerOfSeed512,
  type Probing,
  placeSeed512,
  type RequestHash,
  type Seed512,
  type Seed512Member,
  type Seed512Options,
  type ServerHash,
} from "./seed-512.ts";
export {
  describeSeed512,
  type RequestIds,
  type Seed512Description,
  sixDigitIds,
} from "./seed-512-description.ts";
export { requestHashes, serverHashes } from "./seed-512-hashes.ts";
