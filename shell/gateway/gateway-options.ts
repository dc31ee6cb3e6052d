/**
 * What `createGateway` takes, and whether it makes sense. A program may be JavaScript, or read its options
 * from somewhere: a weight of 0 or a misspelt field must be said at the start and not be found in a
 * placement that is wrong. Checked by hand, because the gateway loads no schema library.
 */
import { ClusterError } from "@prunella/core/kernel";
import type { KeySource, Placement, RouteView, TrafficView, View } from "@prunella/wire/view";
import type { ListenOptions } from "./data-path.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import type { AccessEntry } from "./observation/access-entry.ts";
import type { DataPathFact } from "./observation/data-path-fact.ts";

/** One service with fixed members. How its requests are treated may be said as well. */
export type StaticService = TrafficView & {
  readonly name: string;
  /**
   * Path prefixes, on segment boundaries, of any host or of one (`*.example.org` is every name below
   * it). Default `["/"]`; none for a service with `tcp`.
   */
  readonly routes?: readonly (string | RouteView)[];
  /** `host:port` of each member. Its place in the list is its identity for the placement. */
  readonly members: readonly string[];
  /** By place in `members`: a share relative to 1, which is the default, in (0, 100]. */
  readonly weights?: readonly number[];
  /** Where the hash key comes from. Default: a drawn number, so load is even. */
  readonly keys?: readonly KeySource[];
  readonly placement?: Placement;
  /**
   * GET and HEAD may share connections to a member. For members that answer each request exactly
   * once, in order and soon. Off unless said.
   */
  readonly pipelining?: "safe";
  /**
   * For a service that does not speak HTTP: one port, whose connections go to the member with the
   * fewest, or to the one that their first line names (`by: "first-frame"`: `PRUNELLA/1 TO name-2`); or a
   * port for each member in the order of the list. `host` is 127.0.0.1 unless given. `proxyProtocol`
   * tells members who the client is.
   */
  readonly tcp?: { readonly host?: string; readonly proxyProtocol?: "v2" } & (
    | { readonly port: number; readonly by?: "service" | "first-frame" }
    | { readonly ports: readonly [first: number, last: number] }
  );
  /** Bound of all tries of one request together. Default 30,000. */
  readonly timeoutMs?: number;
  /** Default 1 GiB. */
  readonly bodyBytesMax?: number;
};

export type GatewayOptions = {
  readonly listeners: readonly ListenOptions[];
  /** Fixed services, or views as they come: each is applied if it is newer than the last. */
  readonly services: readonly StaticService[] | AsyncIterable<View>;
  /** Names the gateway in `Via`. Default `gateway`; views must carry the same name. */
  readonly cluster?: string;
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly accessLog?: (entry: AccessEntry) => void;
  readonly report?: (fact: DataPathFact) => void;
  /** Called for each view that was refused; without it a refused view is skipped silently. */
  readonly onRefused?: (error: ClusterError) => void;
};

type Problems = readonly string[];
type Fields = Readonly<Record<string, unknown>>;
type Field = readonly [is: (value: unknown) => boolean, shouldBe: string];

/** A field that is absent is left to its default; one that is not in the table is a mistake. */
type Table = ReadonlyMap<string, Field>;

const name: Field = [
  (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value),
  "a name of letters, digits, dots, dashes and underscores",
];
const callback: Field = [(value) => typeof value === "function", "a function"];

function number(min: number, max: number, isWhole = true): Field {
  const is = (value: unknown) =>
    typeof value === "number" &&
    value >= min &&
    value <= max &&
    (!isWhole || Number.isSafeInteger(value));
  const kind = isWhole ? "a whole number" : "a number";
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`;
  return [is, `${kind}, ${range}`];
}

function oneOf(...values: readonly unknown[]): Field {
  return [(value) => values.includes(value), values.map((value) => `"${value}"`).join(" or ")];
}

function listOf(is: (value: unknown) => boolean, what: string): Field {
  return [(value) => Array.isArray(value) && value.every(is), `a list of ${what}`];
}

const countMax = Number.MAX_SAFE_INTEGER;
const positive = number(1, countMax);
const count = number(0, countMax);
const port = number(0, 65_535);
const seed512MembersMax = 56;

const optionFields: Table = new Map<string, Field>([
  ["listeners", listOf(isRecord, "{ host, port }")],
  ["services", [isServices, "a list of services, or an async iterable of views"]],
  ["cluster", name],
  ["trustedProxies", listOf(isText, "addresses or networks")],
  ["limits", [isRecord, "an object"]],
  ["accessLog", callback],
  ["report", callback],
  ["onRefused", callback],
]);

const listenerFields: Table = new Map<string, Field>([
  ["host", [isText, 'an address, as "127.0.0.1"']],
  ["port", port],
  ["reusePort", oneOf(true, false)],
]);

const serviceFields: Table = new Map<string, Field>([
  ["name", name],
  ["members", listOf(isAddress, "host:port, as 127.0.0.1:3001")],
  ["routes", listOf(isRoute, 'paths, as "/api", or { host, prefix }')],
  ["weights", listOf(isWeight, "numbers above 0, at most 100")],
  ["keys", listOf(isKey, '{ from: "request" }, "path" or "client", or with a name "header", ...')],
  ["placement", oneOf("default", "seed-512")],
  ["pipelining", oneOf("safe")],
  ["tcp", [isTcp, "{ port, by } or { ports: [first, last] }, from 1 to 65535"]],
  ["timeoutMs", positive],
  ["bodyBytesMax", count],
  ["tryTimeoutMs", positive],
  ["retryUnsafe", oneOf("idempotency-key")],
  ["maxInFlight", positive],
  ["holdMs", count],
  ["slowStartMs", count],
  ["loadBound", number(1, 100, false)],
  ["ejectAfter", count],
]);

const limitFields: Table = new Map(Object.keys(defaultLimits).map((key) => [key, count]));

/** @throws ClusterError `CONFIG_INVALID` that names every option which is wrong. */
export function checkOptions(options: GatewayOptions): void {
  const problems = isRecord(options) ? problemsOf(options) : ["the options must be an object"];
  if (problems.length === 0) return;
  throw new ClusterError("CONFIG_INVALID", {
    message: `The gateway cannot start with these options: ${problems.join("; ")}.`,
    details: { problems },
  });
}

function problemsOf(options: GatewayOptions): Problems {
  const own = check("", options, optionFields, ["listeners", "services"]);
  if (own.length > 0) return own;
  const { listeners, limits = {}, services } = options;
  return [
    ...listeners.flatMap((listener, index) =>
      check(`listeners[${index}].`, listener, listenerFields, ["host", "port"]),
    ),
    ...check("limits.", limits, limitFields, []),
    ...(Array.isArray(services) ? servicesProblems(services) : []),
  ];
}

function servicesProblems(services: readonly StaticService[]): Problems {
  const names = new Set<string>();
  const routes = new Map<string, string>();
  return services.flatMap((service, index) => {
    if (!isRecord(service)) return [`services[${index}] must be an object`];
    const at = `services[${index}].`;
    const problems = check(at, service, serviceFields, ["name", "members"]);
    if (problems.length > 0) return problems;
    const again = names.has(service.name) ? [`${at}name: "${service.name}" is there twice`] : [];
    names.add(service.name);
    return [...again, ...relationProblems(at, service), ...routeProblems(at, service, routes)];
  });
}

function relationProblems(at: string, { members, weights, placement }: StaticService): Problems {
  const isTooLarge = placement === "seed-512" && members.length > seed512MembersMax;
  return [
    ...(members.length === 0 ? [`${at}members must have at least one host:port`] : []),
    ...((weights?.length ?? 0) > members.length ? [`${at}weights has more than members`] : []),
    ...(isTooLarge ? [`${at}members: seed-512 has room for ${seed512MembersMax}`] : []),
  ];
}

/** Which of two services with the same route gets a request would be chance. */
function routeProblems(at: string, service: StaticService, taken: Map<string, string>): Problems {
  const routes = service.routes ?? (service.tcp === undefined ? ["/"] : []);
  return routes.flatMap((route) => {
    const { host = "", prefix } = typeof route === "string" ? { prefix: route } : route;
    const text = `${host.toLowerCase()}${prefix}`;
    const owner = taken.get(text);
    taken.set(text, service.name);
    return owner === undefined ? [] : [`${at}routes: "${text}" belongs to "${owner}" already`];
  });
}

function check(at: string, fields: object, table: Table, required: readonly string[]): Problems {
  const missing = required.filter((key) => !(key in fields) || Reflect.get(fields, key) == null);
  return [
    ...missing.map((key) => `${at}${key} is missing, ${shouldBe(table.get(key))}`),
    ...Object.entries(fields).flatMap(([key, value]) => {
      const field = table.get(key);
      if (field === undefined) return [`${at}${key} is no option`];
      if (value === undefined || missing.includes(key) || field[0](value)) return [];
      return [`${at}${key} ${shouldBe(field)}, not ${shown(value)}`];
    }),
  ];
}

function shouldBe(field: Field | undefined): string {
  return `must be ${field?.[1]}`;
}

function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "function") return `${value}`.slice(0, 20);
  return (JSON.stringify(value) ?? typeof value).slice(0, 100);
}

const addressPattern = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/;

/** `host` is undefined when it is no address. */
export function addressOf(address: string): { host: string | undefined; port: number } {
  const [, version6, other, digits] = addressPattern.exec(address) ?? [];
  return { host: version6 ?? other, port: Number(digits) };
}

function isAddress(value: unknown): boolean {
  if (typeof value !== "string") return false;
  const address = addressOf(value);
  return address.host !== undefined && isPort(address.port);
}

function isPort(value: unknown): boolean {
  return port[0](value) && value !== 0;
}

function isRoute(value: unknown): boolean {
  if (typeof value === "string") return value.startsWith("/");
  if (!isRecord(value)) return false;
  const { host, prefix, ...others } = value;
  if (Object.keys(others).length > 0) return false;
  return (host === undefined || isText(host)) && isText(prefix) && isRoute(prefix);
}

function isKey(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { from } = value;
  if (["request", "path", "client"].includes(`${from}`)) return true;
  return ["query", "header", "cookie"].includes(`${from}`) && isText(value["name"]);
}

function isTcp(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { host, port: one, ports, by, proxyProtocol, ...others } = value;
  if (Object.keys(others).length > 0 || (host !== undefined && !isText(host))) return false;
  if (proxyProtocol !== undefined && proxyProtocol !== "v2") return false;
  if (ports === undefined) {
    return isPort(one) && [undefined, "service", "first-frame"].includes(by as undefined);
  }
  if (one !== undefined || by !== undefined || !Array.isArray(ports) || ports.length !== 2)
    return false;
  return ports.every(isPort) && ports[0] <= ports[1];
}

function isWeight(value: unknown): boolean {
  return typeof value === "number" && value > 0 && value <= 100;
}

function isServices(value: unknown): boolean {
  return Array.isArray(value) || (isRecord(value) && Symbol.asyncIterator in value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
