/**
 * Fields of the cluster file about how gateways treat the requests of a service: deadlines, retries,
 * shares, bounds, ports. They are the same for every kind of service that gateways stand before.
 */
import { z } from "zod";
import { defaults, limits } from "./defaults.ts";
import { choice, decimal, fieldFacts, oneOrMany, whole } from "./field.ts";

const { hourMs } = limits;
const { traffic } = defaults;

const tcpPorts = z.strictObject({
  port: whole({
    ...{ min: 1, max: 65_535, default: "required" },
    meaning:
      "Port on the gateway's address for a service that does not speak HTTP. Bytes are passed on as they come. Choose it outside 20000 to 29999, where instances get theirs.",
  }),
  by: choice(
    {
      ...{ type: '"service", "member" or "first-frame"', default: '"service"' },
      meaning:
        "`service`: one port for all of them, see `role`. `member`: instance `name-1` gets `port`, `name-2` the next one, up to `scale.max`; the port of an instance that is gone stays and closes connections. `first-frame`: one port, and the first line that a client sends, `PRUNELLA/1 TO name-2`, says whom it wants; the instance gets that line too.",
    },
    ["service", "member", "first-frame"],
  ).optional(),
  role: choice(
    {
      type: '"primary" or "replicas"',
      default: '"replicas"; "primary" of an elected service',
      meaning:
        'Who gets the connections of a port by `service`. `replicas`: the instance with the fewest; of an elected service one that does not lead, as long as there is one. `primary`: the leader of an elected service. To offer both, write `tcp: [{ port: 3306 }, { port: 3307, role: "replicas" }]`.',
    },
    ["primary", "replicas"],
  ).optional(),
  proxyProtocol: choice(
    {
      ...{ type: '"v2"', default: "off" },
      meaning:
        "The instance is told the client's address in a header before the first byte of each connection (PROXY protocol, version 2). **Only for programs that expect it.**",
    },
    ["v2"],
  ).optional(),
});

const tcpPort = z.preprocess(
  (value) => (typeof value === "number" ? { port: value } : value),
  tcpPorts,
);

export const trafficFields = {
  tryTimeoutMs: whole({
    ...{ min: 10, max: hourMs, unit: "ms", default: "none" },
    meaning:
      "Bound of one try until the response begins; then a request that may be repeated goes to another instance. Looked at four times a second.",
  }).optional(),
  retryUnsafe: choice(
    {
      ...{ type: '"idempotency-key"', default: "off" },
      meaning:
        "A request with the field `Idempotency-Key` may be sent twice, whatever its method: the program promises to do it once.",
    },
    ["idempotency-key"],
  ).optional(),
  maxInFlight: whole({
    ...{ min: 1, max: limits.inFlightMax, default: String(traffic.maxInFlight) },
    meaning:
      "Requests that one gateway process may have at one instance at a time. Beyond it they go to others, then wait.",
  }).optional(),
  holdMs: whole({
    ...{ min: 0, max: hourMs, unit: "ms", default: String(traffic.holdMs) },
    meaning:
      "How long a request waits when no instance may take it, before it is answered with 503. At most 1024 requests wait.",
  }).optional(),
  slowStartMs: whole({
    ...{ min: 0, max: hourMs, unit: "ms", default: String(traffic.slowStartMs) },
    meaning:
      "How long an instance that starts beside warm ones gets less than its share: a tenth at first, then more and more. 0 switches it off.",
  }).optional(),
  loadBound: decimal({
    ...{ min: 1.05, max: 100, default: String(traffic.loadBound) },
    meaning:
      "An instance may have that many times its fair share of the requests in flight; beyond it, keys go to others for the moment. Eight are always allowed.",
  }).optional(),
  ejectAfter: whole({
    ...{ min: 0, max: 1000, default: String(traffic.ejectAfter) },
    meaning:
      "Faults in a row (reset, too late, malformed, 5xx) after which a gateway leaves an instance out for 1 to 30 s; never more than a third of them. 0 switches it off.",
  }).optional(),
  weights: z
    .record(z.string(), z.unknown())
    .register(fieldFacts, {
      ...{ type: "instance names and numbers, 0.1 to 100", default: "1 each" },
      meaning:
        'Share of an instance relative to its siblings: `weights: { "hello-2": 0.5 }` gives it half of what the others get.',
    })
    .optional(),
  tcp: oneOrMany(tcpPort, limits.tcpPortsMax).optional(),
} as const;
