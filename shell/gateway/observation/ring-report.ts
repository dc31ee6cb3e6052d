/** Who owns which share of the keys of a service, in numbers and as a picture. For people. */
import {
  describe,
  describeSeed512,
  place,
  placeSeed512,
  type RequestIds,
} from "@prunella/core/ring";
import type { MemberView, ServiceView } from "@prunella/wire/view";

export type RingReport = {
  readonly service: string;
  readonly placement: string;
  readonly members: readonly { readonly id: string; readonly share: number }[];
  readonly maxOverMean: number;
  readonly picture: string;
};

/** The source's hash sees an id modulo 512, so 512 ids say it all and take microseconds. */
const everyResidue: RequestIds = { first: 100_352, last: 100_863 };

/** Undefined when the service has no member that may own keys. */
export function ringReport(service: ServiceView): RingReport | undefined {
  const owners = service.members.filter(ownsKeys);
  if (owners.length === 0) return undefined;
  return service.placement === "seed-512"
    ? reportSeed512(service, owners)
    : reportDefault(service, owners);
}

function reportDefault(service: ServiceView, owners: readonly MemberView[]): RingReport {
  const placement = place(owners.map(({ id, weight }) => ({ id, weight })));
  const { share, maxOverMean, picture } = describe(placement);
  const members = placement.members.map(({ id }, index) => ({ id, share: share[index] ?? 0 }));
  return { service: service.name, placement: service.placement, members, maxOverMean, picture };
}

function reportSeed512(service: ServiceView, owners: readonly MemberView[]): RingReport {
  const map = placeSeed512(
    owners.map(({ number, state }) => ({ number, live: state === "serving" })),
  );
  const { share, maxOverMean, picture } = describeSeed512(map, everyResidue);
  const members = map.members.map(({ number }, index) => ({
    id: owners.find((owner) => owner.number === number)?.id ?? `number ${number}`,
    share: share[index] ?? 0,
  }));
  return { service: service.name, placement: service.placement, members, maxOverMean, picture };
}

/** The rule that stands at `MemberView.served`. */
function ownsKeys({ state, served }: MemberView): boolean {
  return (served || state === "serving") && state !== "leaving" && state !== "detached";
}
