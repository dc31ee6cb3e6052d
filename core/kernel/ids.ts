/**
 * Names that must not be mixed up. A brand costs nothing at run time and keeps a service name from
 * being passed where an instance name belongs.
 */
declare const brand: unique symbol;

type Branded<Name extends string> = string & { readonly [brand]: Name };

/** One line of the cluster file, for example `hello`. */
export type ServiceName = Branded<"ServiceName">;

/** One copy of a service, for example `hello-2`. It survives restarts: a restart is a new incarnation. */
export type InstanceName = Branded<"InstanceName">;

/** An instance as the ring or an election sees it. */
export type MemberId = InstanceName;

export const nameLengthMax = 63;

const namePattern = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** True when `text` may name a cluster, a service or an instance: file name, host name and label at once. */
export function isName(text: string): boolean {
  return text.length <= nameLengthMax && namePattern.test(text);
}

export function serviceName(text: string): ServiceName {
  return text as ServiceName;
}

export function instanceName(text: string): InstanceName {
  return text as InstanceName;
}
