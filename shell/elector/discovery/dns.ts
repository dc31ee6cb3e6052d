/**
 * Members behind a DNS name, as a headless Service of Kubernetes gives them: the name says where somebody
 * listens, and each of them says who it is. A name server caches, leaves out who is not ready and keeps
 * the dead for a while; so nothing about votes is ever concluded from it.
 *
 * Who listens is asked `GET /pod_id` for its name. That answer is not signed; it only decides whom we
 * greet, and a greeting that is not answered with our key makes nobody a peer.
 */
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { MemberOption } from "../options.ts";
import type { Discovery, DiscoveryNews } from "./discovery.ts";

export type DnsOptions = {
  /** For example `bully-service` or `fortune.default.svc.cluster.local`. */
  readonly name: string;
  /** The election port, the same for all. */
  readonly port: number;
  /** Default 2,000. */
  readonly everyMs?: number;
  /** Name servers, `address:port`. Default: those of this machine. */
  readonly servers?: readonly string[];
};

const everyMsDefault = 2_000;
const askMs = 500;
const addressesMax = 1_024;
const identityBytesMax = 4_096;

export function dnsDiscovery(options: DnsOptions): Discovery {
  return {
    name: `the DNS name ${options.name}`,
    watch: (signal) => watch(options, signal),
  };
}

async function* watch(options: DnsOptions, signal: AbortSignal): AsyncIterable<DiscoveryNews> {
  const resolver = new Resolver({ timeout: 1_000, tries: 2 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  let last = "";
  while (!signal.aborted) {
    const members = await findMembers(resolver, options, signal);
    const seen = JSON.stringify(members);
    if (members.length > 0 && seen !== last) {
      last = seen;
      yield { type: "members", members, mayVote: false };
    }
    await delay(options.everyMs ?? everyMsDefault, undefined, { signal }).catch(() => undefined);
  }
}

async function findMembers(
  resolver: Resolver,
  { name, port }: DnsOptions,
  signal: AbortSignal,
): Promise<readonly MemberOption[]> {
  const found = await Promise.all([
    resolver.resolve4(name).catch(() => []),
    resolver.resolve6(name).catch(() => []),
  ]);
  const hosts = [...new Set(found.flat())].filter((host) => isIP(host) !== 0).sort();
  const members = await Promise.all(
    hosts.slice(0, addressesMax).map((host) => identify(host, port, signal)),
  );
  return members.filter((member) => member !== undefined);
}

/** Asks who listens there. */
async function identify(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<MemberOption | undefined> {
  const address = host.includes(":") ? `[${host}]` : host;
  try {
    const answer = await fetch(`http://${address}:${port}/pod_id`, {
      headers: { accept: "application/vnd.bully.v2+json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(askMs)]),
    });
    const text = await answer.text();
    if (text.length > identityBytesMax) return undefined;
    return identity(JSON.parse(text), host, port);
  } catch {
    return undefined; // Nobody there, or nobody of ours: the next look tells.
  }
}

function identity(value: unknown, host: string, port: number): MemberOption | undefined {
  // A member of the older protocol has a number and no name.
  if (typeof value === "number") return { id: `pod-${value}`, host, port, number: value };
  if (typeof value !== "object" || value === null) return undefined;
  const { id, number, priority } = value as Readonly<Record<string, unknown>>;
  if (typeof id !== "string") return undefined;
  return {
    id,
    host,
    port,
    ...(typeof number === "number" ? { number } : {}),
    ...(typeof priority === "number" ? { priority } : {}),
  };
}
