/** Rules of doctor about one service. */
import { describeSeed512, placeSeed512 } from "@prunella/core/ring";
import { alwaysYields } from "./completion.ts";
import type { Remark, RuleInput, ServiceRule, Severity } from "./doctor.ts";
import { electionRules } from "./doctor-election-rules.ts";
import { trafficRules } from "./doctor-traffic-rules.ts";
import { isLoopback } from "./plan-gateway.ts";
import { routeKey, routeText } from "./relations.ts";

function remark(
  { name }: RuleInput,
  field: readonly (string | number)[],
  severity: Severity,
  texts: Pick<Remark, "message" | "why" | "fix">,
): readonly Remark[] {
  return [{ path: ["services", name, ...field], severity, ...texts }];
}

const programRules: readonly ServiceRule[] = [
  {
    id: "program-missing",
    find(input) {
      const fact = input.facts.programs[input.name];
      if (input.facts.foldersMissing.includes(input.name)) {
        return remark(input, ["folder"], "error", {
          message: `${input.service.folder} is not there`,
          why: "No instance can start.",
          fix: "create the folder or correct the path",
        });
      }
      if (fact === undefined || fact.state === "found") return [];
      const what = {
        missing: `${fact.path} cannot be found`,
        "not-executable": `${fact.path} may not be run by this user`,
        folder: `${fact.path} is a folder`,
      };
      return remark(input, ["run"], "error", {
        message: what[fact.state],
        why: "No instance can start.",
        fix:
          fact.state === "not-executable"
            ? `chmod u+rx ${fact.path}`
            : "correct the path; it is relative to the folder of the service",
      });
    },
  },
  {
    id: "node-from-path",
    find(input) {
      const [program, script] = input.service.command;
      if (program !== "node" || script === undefined || !/\.[mc]?[jt]s$/.test(script)) return [];
      return remark(input, ["run"], "info", {
        message: "uses whatever Node stands first in PATH",
        why: "That may be another version than the one that runs Prunella, and an old one runs no TypeScript.",
        fix: `write run: "${script}"; the Node that runs Prunella is used`,
      });
    },
  },
  {
    id: "secret-in-file",
    find(input) {
      return Object.entries(input.service.env).flatMap(([variable, value]) => {
        // A value that does not stand in the file was computed, which is how it should be.
        if (!looksSecret(variable, value) || !input.text.includes(value)) return [];
        return remark(input, ["env", variable], "warning", {
          message: "looks like a secret, written into the file",
          why: "Cluster files are committed, copied and shown.",
          fix: `take it from the environment: in TypeScript, env.${variable} of "node:process"`,
        });
      });
    },
  },
];

const secretName =
  /(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)/i;
const secretValue =
  /^(?:AKIA[A-Z0-9]{12,}|gh[pousr]_\w{20,}|xox[abp]-|sk[-_]\w{16,}|-----BEGIN )|:\/\/[^/\s:@]+:[^/\s@]+@/;
const harmless = /^(?:|true|false|[0-9]{1,4}|none|off|on)$/i;

function looksSecret(name: string, value: string): boolean {
  if (secretValue.test(value)) return true;
  const pointsElsewhere = /(?:_FILE|_PATH|_URL|_TTL|_NAME)$/i.test(name);
  return secretName.test(name) && !pointsElsewhere && !harmless.test(value);
}

const safetyRules: readonly ServiceRule[] = [
  {
    id: "single-replica",
    find(input) {
      const { count } = input.service;
      if (count > 1) return [];
      return remark(input, ["count"], count === 0 ? "info" : "warning", {
        message: count === 0 ? "is 0: nothing runs" : "is 1, which is not high availability",
        why:
          count === 0
            ? "Its routes are answered with 503."
            : "While the only instance restarts, nobody answers.",
        fix: count === 0 ? "write count: 2 or more when it should run" : "write count: 2 or more",
      });
    },
  },
  {
    id: "health-missing",
    find(input) {
      if (input.service.probe.path !== undefined) return [];
      return remark(input, ["health"], "warning", {
        message: "is not set, so a TCP connect is the only probe",
        why: "A program that accepts connections but answers nothing counts as well.",
        fix: 'write health: "/healthz", a path that the program answers with 2xx when it can work',
      });
    },
  },
  {
    id: "compat-open",
    find(input) {
      if (input.service.compat === undefined) return [];
      const local = isLoopback(input.spec.gateway.host);
      return remark(input, ["compat"], local ? "warning" : "error", {
        message: `opens /add and /rm without a token to ${local ? "everybody on this machine" : "everybody who reaches the gateway"}`,
        why: "Whoever can send a request can start and end instances.",
        fix: "use it to study the load balancer only; without it the same calls need the token",
      });
    },
  },
  {
    id: "seed-512-unbalanced",
    find(input) {
      const { placement, count } = input.service;
      if (placement !== "seed-512" || count < 2) return [];
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      const map = placeSeed512(numbers.map((number) => ({ number, live: true })));
      const { share, maxOverMean, reachableSlotCount } = describeSeed512(map);
      const percentMax = Math.round(100 * Math.max(...share));
      return remark(input, [input.service.compat === undefined ? "hash" : "compat"], "warning", {
        message: `places keys with "seed-512", which gives one of ${count} instances ${percentMax} % of the requests`,
        why: `Its hash reaches ${reachableSlotCount} of ${map.slots.length} slots; the busiest instance gets ${maxOverMean.toFixed(1)} times the mean.`,
        fix: 'write hash: "default" unless you study the map of the document',
      });
    },
  },
];

const routingRules: readonly ServiceRule[] = [
  {
    id: "route-missing",
    find(input) {
      if (input.service.routes.length > 0 || input.service.tcp.length > 0) return [];
      return remark(input, ["route"], "info", {
        message: "is not set",
        why: "The gateway sends it nothing; only its own address reaches an instance.",
        fix: 'write route: "/" or another prefix, unless that is what you want',
      });
    },
  },
  {
    id: "route-repeated",
    find(input) {
      const seen = new Set<string>();
      return input.service.routes.flatMap((route, index) => {
        const repeated = seen.has(routeKey(route));
        seen.add(routeKey(route));
        if (!repeated) return [];
        return remark(input, ["route", index], "info", {
          message: `${routeText(route)} stands in the list twice`,
          why: "The second one changes nothing.",
          fix: "remove one",
        });
      });
    },
  },
  {
    id: "key-by-path",
    find(input) {
      const { keys } = input.service;
      const paths =
        keys.some(({ from }) => from === "path") && alwaysYields(keys[0] ?? { from: "request" });
      if (!paths) return [];
      return remark(input, ["key"], "info", {
        message: "places every path on one instance",
        why: "A page that everybody asks for keeps one instance busy; the load bound sends the rest on.",
        fix: 'write key: "request" to spread evenly, unless instances cache by path',
      });
    },
  },
];

const timingRules: readonly ServiceRule[] = [
  {
    id: "probe-overlap",
    find(input) {
      const { timeoutMs, intervalMs } = input.service.probe;
      if (timeoutMs <= intervalMs) return [];
      return remark(input, ["health", "timeoutMs"], "warning", {
        message: `(${timeoutMs} ms) is longer than intervalMs (${intervalMs} ms)`,
        why: "A slow probe delays the next one, and a hang is noticed later than it seems.",
        fix: `write timeoutMs: ${Math.max(10, Math.floor(intervalMs / 2))}, or a longer interval`,
      });
    },
  },
  {
    id: "detection-slow",
    find(input) {
      const { timeoutMs, intervalMs, failuresMax } = input.service.probe;
      const worstMs = intervalMs * failuresMax + timeoutMs;
      if (worstMs <= 30_000) return [];
      return remark(input, ["health"], "warning", {
        message: `notices a hang after ${worstMs} ms at worst`,
        why: `That is interval x failures + timeout: ${intervalMs} x ${failuresMax} + ${timeoutMs}.`,
        fix: "probe more often, or allow fewer failures",
      });
    },
  },
  {
    id: "startup-short",
    find(input) {
      const { startupMs, timeoutMs } = input.service.probe;
      if (startupMs >= 2 * timeoutMs) return [];
      return remark(input, ["health", "startupMs"], "warning", {
        message: `(${startupMs} ms) leaves no time for two probes of ${timeoutMs} ms`,
        why: "An instance that starts a little slowly is restarted for ever.",
        fix: `write startupMs: ${2 * timeoutMs} or more`,
      });
    },
  },
  {
    id: "grace-short",
    find(input) {
      const { graceMs } = input.service.stop;
      if (graceMs >= 500) return [];
      return remark(input, ["stop", "graceMs"], "warning", {
        message: `(${graceMs} ms) is hardly enough to end cleanly`,
        why: "After it comes SIGKILL: what the program has not written by then is lost.",
        fix: "write graceMs: 500 or more",
      });
    },
  },
  {
    id: "grace-long",
    find(input) {
      const { drainMs, graceMs } = input.service.stop;
      if (drainMs + graceMs <= 60_000) return [];
      return remark(input, ["stop"], "info", {
        message: `lets an instance take ${drainMs + graceMs} ms to end`,
        why: "prunella down, rm and a restart may wait that long for a program that hangs.",
        fix: "shorten drainMs or graceMs, if requests are shorter than that",
      });
    },
  },
];

export const serviceRules: readonly ServiceRule[] = [
  ...programRules,
  ...safetyRules,
  ...routingRules,
  ...electionRules,
  ...timingRules,
  ...trafficRules,
];
