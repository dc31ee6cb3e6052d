/**
 * The placements that are compared, as pure functions of core/ring: which of N servers owns a
 * request id. `given` and `default` are what a cluster file can ask for, and measured; the others
 * are the functions that experiment A-4 puts in their place, and computed.
 */
import { instanceName } from "@prunella/core/kernel";
import {
  hashKey,
  nextOwnerIndex,
  ownerIndex,
  ownerOfSeed512,
  type Placement,
  place,
  placeSeed512,
  requestHashes,
  type Seed512Options,
  serverHashes,
} from "@prunella/core/ring";

/** The number of the server, from 1, that serves a request id. */
export type OwnerOf = (requestId: number) => number;

export type ComparedPlacement = {
  readonly name: string;
  /** The name as a chart has room for it. */
  readonly shortName: string;
  /** What `hash` of a cluster file says, when the product offers it. */
  readonly hash: "seed-512" | "default" | undefined;
  /** @param down - Number of a server that has failed and not come back yet; 0 = none. */
  readonly owners: (serverCount: number, down?: number) => OwnerOf;
};

/** One that a cluster file can ask for, and that therefore can be measured. */
export type OfferedPlacement = ComparedPlacement & { readonly hash: ProductHash };

export type ProductHash = NonNullable<ComparedPlacement["hash"]>;

const mixedH = { requestHash: requestHashes.mixed };
const mixedPhi = { serverHash: serverHashes.mixed };
const fillSlotCount = 512;

export const givenFunctions: OfferedPlacement = {
  name: "given H, given Φ, K = 9",
  shortName: "given H, given Φ",
  hash: "seed-512",
  owners: sourceMap({}),
};

/** What a service has when its file says nothing: the ids are keys, digit by digit. */
export const defaultPlacement: OfferedPlacement = {
  name: "default placement (Maglev fill, 131,072 slots)",
  shortName: "default placement",
  hash: "default",
  owners: filledTable((id) => hashKey(`${id}`), undefined),
};

export const comparedPlacements: readonly ComparedPlacement[] = [
  givenFunctions,
  {
    name: "mixed H, given Φ, K = 9",
    shortName: "mixed H, given Φ",
    hash: undefined,
    owners: sourceMap(mixedH),
  },
  {
    name: "given H, mixed Φ, K = 9",
    shortName: "given H, mixed Φ",
    hash: undefined,
    owners: sourceMap(mixedPhi),
  },
  {
    name: "both mixed, K = 9",
    shortName: "both mixed, K = 9",
    hash: undefined,
    owners: sourceMap({ ...mixedH, ...mixedPhi }),
  },
  {
    name: "both mixed, K = 64",
    shortName: "both mixed, K = 64",
    hash: undefined,
    owners: sourceMap({ ...mixedH, ...mixedPhi, virtualCount: 64 }),
  },
  {
    name: "mixed H, Maglev fill of the 512 slots",
    shortName: "Maglev, 512 slots",
    hash: undefined,
    owners: filledTable(requestHashes.mixed, fillSlotCount),
  },
  defaultPlacement,
];

function sourceMap(options: Seed512Options): ComparedPlacement["owners"] {
  return (serverCount, down = 0) => {
    const members = numbersTo(serverCount).map((number) => ({ number, live: number !== down }));
    const map = placeSeed512(members, options);
    return (id) => ownerOfSeed512(map, id) ?? 0;
  };
}

function filledTable(
  hash: (requestId: number) => number,
  slotCount: number | undefined,
): ComparedPlacement["owners"] {
  return (serverCount, down = 0) => {
    const members = numbersTo(serverCount).map((number) => ({
      id: instanceName(`server-${number}`),
      weight: 1,
    }));
    const placement = place(members, slotCount === undefined ? {} : { slotCount });
    const numbers = placement.members.map(({ id }) => Number(id.slice("server-".length)));
    return (id) => firstLive(placement, numbers, hash(id), down);
  };
}

/** A failed member stays in the table; its requests jump on, as the gateway lets them. */
function firstLive(
  placement: Placement,
  numbers: readonly number[],
  hash: number,
  down: number,
): number {
  const home = numbers[ownerIndex(placement, hash)] ?? 0;
  if (home !== down) return home;
  const attemptsMax = 8 * numbers.length;
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const number = numbers[nextOwnerIndex(placement, hash, attempt)] ?? 0;
    if (number !== down) return number;
  }
  return 0;
}

function numbersTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
