import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "./problem.ts";
import { ClusterFolder } from "./testing/cluster-folder.ts";
import { unmark } from "./testing/marked-text.ts";

/** One mistake in one service. The marker ‸ stands where the problem must point. */
type Mistake = {
  readonly ts: string;
  readonly yaml: string;
  /** Goes on after `services.SERVICE`. */
  readonly says: string;
  readonly fix: string;
};

/** For fields that look the same in both languages. */
function both(text: string, says: string, fix: string): Mistake {
  return { ts: text, yaml: text, says, fix };
}

const whole = "must be a whole number";

const mistakes: readonly Mistake[] = [
  both('count: ‸"3"', `.count ${whole} from 0 to 1000, not "3"`, "write 3 without quotes"),
  both("count: ‸-1", `.count ${whole} from 0 to 1000, not -1`, "write 0 or more"),
  both("count: ‸1001", `.count ${whole} from 0 to 1000, not 1001`, "write 1000 or less"),
  both("count: ‸2.5", `.count ${whole} from 0 to 1000, not 2.5`, "write 3"),
  both("count: ‸[2]", `.count ${whole} from 0 to 1000, not a list`, "write a plain number"),
  {
    ...both("", ".count is empty", "give it a value, or remove the line"),
    ts: "count: ‸null",
    yaml: "‸count: ",
  },
  both("‸coutn: 3", ".coutn is no field of services.SERVICE", 'did you mean "count"?'),
  both("‸replicas: 3", ".replicas is no field of services.SERVICE", 'write "count" instead'),
  both(
    "‸port: 3000",
    ".port is no field of services.SERVICE",
    "remove it: each instance gets its own PORT, and people connect to gateway.port",
  ),
  both(
    "‸intervalMs: 9",
    ".intervalMs is no field of services.SERVICE",
    "it belongs to health: health: { intervalMs: ... }",
  ),
  both(
    "‸trustedProxies: []",
    ".trustedProxies is no field of services.SERVICE",
    "it belongs to gateway: gateway: { trustedProxies: ... }",
  ),
  both(
    "count: ‸101",
    ".count is 101, more than the default scale.max (100)",
    "write count: 100, or scale: { max: 101 }",
  ),
  both(
    "count: ‸1, scale: { min: 2 }",
    ".count is 1, less than scale.min (2)",
    "write count: 2, or scale: { min: 1 }",
  ),
  both(
    "count: ‸7, scale: { max: 6 }",
    ".count is 7, more than scale.max (6)",
    "write count: 6, or scale: { max: 7 }",
  ),
  both(
    "scale: { min: 5, max: ‸2 }",
    ".scale.max is 2, less than scale.min (5)",
    "write scale: { min: 2, max: 5 } or widen the range",
  ),
  both(
    "scale: { min: ‸101 }",
    ".scale.min is 101, more than the default scale.max (100)",
    "write scale: { min: 100, max: 101 } or widen the range",
  ),
  both(
    "scale: { ‸cpu: 0.6 }",
    ".scale.cpu is not there yet: autoscaling comes in a later release",
    "remove it and set the number with count, or with prunella scale",
  ),
  both(
    "scale: ‸3",
    ".scale must be an object, not 3",
    "write for example scale: { min: 1, max: 10 }",
  ),
  both(
    "scale: { ‸maximum: 3 }",
    ".scale.maximum is no field of services.SERVICE.scale",
    "known here: min, max, cpu",
  ),
  both(
    'hash: ‸"seed512"',
    '.hash must be "default" or "seed-512", not "seed512"',
    'write "seed-512"',
  ),
  both(
    'hash: "seed-512", scale: { max: ‸57 }',
    '.scale.max is 57, but the map "seed-512" holds 56 instances at most',
    'write 56 or less, or hash: "default"',
  ),
  both(
    'hash: "seed-512", count: ‸57',
    ".count is 57, more than the default scale.max (56)",
    'write 56 or less, or hash: "default"',
  ),
  both("compat: ‸true", '.compat must be "load-balancer", not true', 'write "load-balancer"'),
  both(
    '‸compat: "load-balancer", route: "/lb"',
    '.compat answers /rep, /add and /rm at the root, but the service has no route "/"',
    'write route: "/", or leave route out',
  ),
  both('route: ‸"api"', '.route must be a path that starts with "/", not "api"', 'write "/api"'),
  both(
    "route: ‸5",
    ".route must be a path or an object, not 5",
    'write for example route: "/" or route: { host: "api.example.org", prefix: "/v1" }',
  ),
  both(
    'route: ["/a1", ‸"/a?b"]',
    '.route[1] "/a?b" contains "?", but a prefix is compared letter by letter',
    'write "/a"; it matches everything below',
  ),
  both(
    'route: ‸"/api/*"',
    '.route "/api/*" contains "*", but a prefix is compared letter by letter',
    'write "/api"; it matches everything below',
  ),
  both(
    'route: ‸"/a//b"',
    '.route "/a//b" has an empty segment or dots, which no request path keeps',
    'write the path as clients send it, for example "/api/v1"',
  ),
  both(
    'route: ‸"/a b"',
    '.route "/a b" contains a space, "#" or a character that a request line cannot carry',
    "percent-encode it (a space is %20)",
  ),
  both(
    'route: ‸"shop.example.org/v1"',
    '.route must be a path that starts with "/", not "shop.example.org/v1"',
    'write { host: "shop.example.org", prefix: "/v1" }',
  ),
  both(
    'route: { prefix: "/h1", host: ‸"https://a.org:8" }',
    '.route.host "https://a.org:8" is no host: a name such as "api.example.org" or "*.example.org", without scheme, port or path',
    'write "a.org"',
  ),
  both('‸route: { host: "b.org" }', ".route.prefix is missing", "add it"),
  both(
    'route: { prefix: "/h2", ‸hots: "b.org" }',
    ".route.hots is no field of services.SERVICE.route",
    'did you mean "host"?',
  ),
  both(
    'key: ‸"heder:X-User"',
    '.key must be "request", "path", "client", "header:NAME", "query:NAME" or "cookie:NAME", not "heder:X-User"',
    'write "header:X-User"',
  ),
  both(
    'key: ["path", ‸"cookie:"]',
    '.key[1] "cookie:" does not say which cookie',
    'write for example "cookie:user"',
  ),
  both(
    'key: ‸"header:a b"',
    '.key "a b" cannot be the name of a header',
    'write for example "header:user"',
  ),
  both(
    'key: ["client", ‸"query:user"]',
    '.key[1] is never asked, because every request has a key by "client"',
    "remove it, or put it first",
  ),
  both("key: ‸3", ".key must be a text, not 3", 'put it in quotes: "3"'),
  both(
    'health: ‸"healthz"',
    '.health must be a path that starts with "/", not "healthz"',
    'write "/healthz"',
  ),
  both(
    'health: ‸"http://localhost:3000/up"',
    ".health must be a path, not a URL",
    'write "/up"; the instance\'s own address is used',
  ),
  both(
    "health: ‸true",
    ".health must be a path or an object, not true",
    'write for example health: "/healthz" or health: { path: "/healthz", intervalMs: 1000 }',
  ),
  both(
    'health: { ‸url: "/x" }',
    ".health.url is no field of services.SERVICE.health",
    "known here: path, intervalMs, timeoutMs, failuresMax, successesMin, startupMs",
  ),
  both(
    'health: { timeoutMs: ‸"2s" }',
    `.health.timeoutMs ${whole} of milliseconds from 10 to 3600000, not "2s"`,
    "write 2000 without quotes",
  ),
  both(
    "health: { successesMin: ‸0 }",
    `.health.successesMin ${whole} from 1 to 1000, not 0`,
    "write 1 or more",
  ),
  both(
    'env: { ‸PORT: "1" }',
    ".env.PORT is set by Prunella, for each instance its own",
    "remove it and let the program listen on PORT",
  ),
  both(
    'env: { ‸PRUNELLA_X: "1" }',
    ".env.PRUNELLA_X is set by Prunella, for each instance its own",
    "remove it, or use another name",
  ),
  both(
    "env: { WORKERS: ‸4 }",
    ".env.WORKERS must be a text, not a number",
    'put it in quotes: "4"',
  ),
  both(
    'env: { ‸"A-B": "x" }',
    ".env.A-B is no name of a variable: letters, digits and _, not first a digit",
    "rename it",
  ),
  both(
    "env: ‸[]",
    ".env must be an object, not a list",
    'write for example env: { LOG_LEVEL: "info" }',
  ),
  both(
    'folder: ‸"~/app"',
    ".folder begins with ~, which only a shell would replace",
    "write the path out",
  ),
  both('folder: ‸""', ".folder is empty", 'write "." or leave it out'),
  both(
    "stop: { graceMs: ‸3600001 }",
    `.stop.graceMs ${whole} of milliseconds from 0 to 3600000, not 3600001`,
    "write 3600000 or less",
  ),
  both(
    'log: { fileMiB: ‸"1GiB" }',
    `.log.fileMiB ${whole} of MiB from 1 to 4096, not "1GiB"`,
    "write 1024 without quotes",
  ),
  both(
    "timeoutMs: ‸0",
    `.timeoutMs ${whole} of milliseconds from 10 to 3600000, not 0`,
    "write 10 or more",
  ),
  both(
    "bodyMiBMax: ‸-1",
    `.bodyMiBMax ${whole} of MiB from 0 to 1048576, not -1`,
    "write 0 or more",
  ),
];

const runMistakes: readonly (readonly [string, string, string])[] = [
  [
    "‸5",
    "must be a command or a list of words, not 5",
    'write run: "./server.ts" or run: ["python3", "app.py"]',
  ],
  ['‸""', '"" names no program', 'write for example run: "./server.ts"'],
  ["‸[]", "names no program", 'write run: "./server.ts" or run: ["python3", "app.py"]'],
  ['‸["node", 5]', "must be a list of texts, but one word is 5", "put every word in quotes"],
  [
    '‸"a | b"',
    '"a | b" contains a pipe, but no shell runs it',
    'put the line into a script, or write run: ["sh", "-c", "..."]',
  ],
  [
    '‸"PORT=1 node x"',
    '"PORT=1 node x" starts with the variable PORT, which only a shell would set',
    'set it beside the command: env: { PORT: "..." }',
  ],
];

test("every mistake in a service is told with its place and its cure, in TypeScript", async () => {
  const services = [
    ...mistakes.map(({ ts }, index) => `    m${index}: replicas({ run: "x", ${ts} }),`),
    ...runMistakes.map(([run], index) => `    r${index}: replicas({ run: ${run} }),`),
  ];
  const text = [
    'import { defineCluster, replicas } from "prunella";',
    'export default defineCluster({ name: "shop", services: {',
    ...services,
    "} });",
  ].join("\n");
  await compare("cluster.ts", text);
});

test("every mistake in a service is told with its place and its cure, in YAML", async () => {
  const services = [
    ...mistakes.map(({ yaml }, index) => `  m${index}: { kind: replicas, run: x, ${yaml} }`),
    ...runMistakes.map(([run], index) => `  r${index}: { kind: replicas, run: ${run} }`),
  ];
  await compare("cluster.yaml", ["name: shop", "services:", ...services].join("\n"));
});

/** Exactly the expected problems, in the order of the file: one mistake must not bring a second. */
async function compare(name: string, marked: string): Promise<void> {
  const { text, positions } = unmark(marked);
  using folder = new ClusterFolder({ [name]: text });
  const { problems, code } = await folder.failure();
  const expected = [
    ...mistakes.map(({ says, fix }, index) => ({ message: `services.m${index}${says}`, fix })),
    ...runMistakes.map(([, says, fix], index) => ({
      message: `services.r${index}.run ${says}`,
      fix,
    })),
  ].map(({ message, fix }, index) => {
    const service = /^services\.(\w+)/.exec(message)?.[1] ?? "";
    return { ...positions[index], message: message.replaceAll("SERVICE", service), fix };
  });
  assert.equal(code, "CONFIG_INVALID");
  assert.deepEqual(problems.map(essence), expected);
}

function essence({ line, column, message, fix }: Problem) {
  return { line, column, message, fix };
}

/** Mistakes that concern the whole file, or more than one service. */
const fileMistakes: readonly (readonly [string, string, string])[] = [
  [
    "name: ‸5\nservices: { a: { kind: replicas, run: x } }",
    "name must be a text, not 5",
    'put it in quotes: "5"',
  ],
  [
    "name: ‸my shop\nservices: { a: { kind: replicas, run: x } }",
    'name "my shop" is no name: letters, digits, ".", "_" and "-", first and last a letter or digit',
    'write "my-shop"',
  ],
  [
    `name: ‸${"x".repeat(64)}\nservices: { a: { kind: replicas, run: x } }`,
    "name may have 63 characters at most, and has 64",
    "choose a shorter name",
  ],
  ["‸services: { a: { kind: replicas, run: x } }", "name is missing", "add it"],
  [
    "‸name: a",
    "services is missing",
    'write for example services: { hello: replicas({ run: "./server.ts" }) }',
  ],
  [
    "name: a\n‸services: {}",
    "services is empty",
    'add one, for example services: { hello: replicas({ run: "./server.ts" }) }',
  ],
  [
    "name: a\nservices: ‸[]",
    "services must be an object, not a list",
    'write for example services: { hello: replicas({ run: "./server.ts" }) }',
  ],
  [
    "name: a\nservices:\n  a: ‸./x.ts",
    'services.a must be an object, not "./x.ts"',
    'write for example replicas({ run: "./server.ts" }) in TypeScript, or kind and run in YAML',
  ],
  [
    "name: a\nservices:\n  ‸a: { run: x }",
    "services.a.kind is missing",
    'write replicas({ ... }) in TypeScript, or "kind: replicas" in YAML',
  ],
  [
    "name: a\nservices:\n  a: { kind: ‸replica, run: x }",
    'services.a.kind must be "replicas" or "elected", not "replica"',
    'write "replicas"',
  ],
  [
    "name: a\nservices:\n  ‸a: { kind: replicas }",
    "services.a.run is missing",
    'say what to start, for example run: "./server.ts"',
  ],
  [
    "name: a\nservices:\n  ‸my app: { kind: replicas, run: x }",
    'services["my app"] "my app" is no name: letters, digits, ".", "_" and "-", first and last a letter or digit',
    'write "my-app"',
  ],
  [
    "name: a\nservices:\n  ‸gateway: { kind: replicas, run: x }",
    "services.gateway is the name of a part of Prunella itself",
    "choose another name",
  ],
  [
    "name: a\nservices:\n  api: { kind: replicas, run: x }\n  ‸api-2: { kind: replicas, run: x }",
    "services.api-2 is also the name of an instance of services.api",
    "choose a name that does not end with a number",
  ],
  [
    "name: a\nservices:\n  api: { kind: replicas, run: x, route: /v1/ }\n  web: { kind: replicas, run: x, route: [/, ‸/v1] }",
    'services.web.route[1] "/v1" is a route of services.api already',
    "give one of them another prefix or host",
  ],
  [
    "name: a\nservices:\n  api: { kind: replicas, run: x, compat: load-balancer }\n  web: { kind: replicas, run: x, compat: ‸load-balancer }",
    'services.web.compat brings the route "/", which services.api has already',
    "give one of them another prefix or host",
  ],
  [
    "name: a\ngateway: { port: ‸0 }\nservices: { a: { kind: replicas, run: x } }",
    "gateway.port must be a whole number from 1 to 65535, not 0",
    "write 1 or more",
  ],
  [
    "name: a\ngateway: { port: ‸65536 }\nservices: { a: { kind: replicas, run: x } }",
    "gateway.port must be a whole number from 1 to 65535, not 65536",
    "write 65535 or less",
  ],
  [
    "name: a\ngateway: { count: ‸17 }\nservices: { a: { kind: replicas, run: x } }",
    "gateway.count must be a whole number from 1 to 16, not 17",
    "write 16 or less",
  ],
  [
    'name: a\ngateway: { host: ‸"localhost:5000" }\nservices: { a: { kind: replicas, run: x } }',
    'gateway.host "localhost:5000" is neither an address nor a host name',
    'write host: "localhost" and the port as port: 5000',
  ],
  [
    "name: a\ngateway: { host: ‸300.1.1.1 }\nservices: { a: { kind: replicas, run: x } }",
    'gateway.host "300.1.1.1" is neither an address nor a host name',
    'write for example "127.0.0.1" (this machine only) or "0.0.0.0" (every address)',
  ],
  [
    "name: a\ngateway: { trustedProxies: [10.0.0.0/8, ‸10.0.0.0/40] }\nservices: { a: { kind: replicas, run: x } }",
    'gateway.trustedProxies[1] "10.0.0.0/40" is neither an address nor a network',
    'write for example "10.0.0.7" or "10.0.0.0/8"',
  ],
  [
    'name: a\ngateway: { accessLog: ‸"yes" }\nservices: { a: { kind: replicas, run: x } }',
    'gateway.accessLog must be true, false or a share above 0 to 1, not "yes"',
    "write true or false without quotes, or for example 0.01 for one request in a hundred",
  ],
  [
    "name: a\ngateway: { accessLog: ‸5 }\nservices: { a: { kind: replicas, run: x } }",
    "gateway.accessLog must be true, false or a share above 0 to 1, not 5",
    "write true or false without quotes, or for example 0.01 for one request in a hundred",
  ],
  [
    "name: a\n‸prot: 5\nservices: { a: { kind: replicas, run: x } }",
    "prot is no field of a cluster",
    "known here: name, gateway, services",
  ],
];

test("every mistake around services is told with its place and its cure", async () => {
  for (const [marked, message, fix] of fileMistakes) {
    const { text, positions } = unmark(marked);
    using folder = new ClusterFolder({ "cluster.yaml": text });
    const { problems } = await folder.failure();
    assert.deepEqual(problems.map(essence), [{ ...positions[0], message, fix }], text);
  }
});

test("all problems come at once, and each shows its line", async () => {
  const text = `import { defineCluster, replicas } from "prunella";

export default defineCluster({
  name: "shop",
  services: {
    hello: replicas({
      run: "./server.ts",
      count: "three" as unknown as number,
\t\t\trout: "/",
    }),
  },
});
`;
  using folder = new ClusterFolder({ "cluster.ts": text });
  const { message, code } = await folder.failure();
  assert.equal(code, "CONFIG_INVALID");
  assert.equal(
    message,
    `cluster.ts:8:14: services.hello.count must be a whole number from 0 to 1000, not "three"
  8 |       count: "three" as unknown as number,
    |              ^
  fix: write a plain number

cluster.ts:9:4: services.hello.rout is no field of services.hello
  9 | \t\t\trout: "/",
    | \t\t\t^
  fix: did you mean "route"?`,
  );
});

test("a kind of a later release is NOT_YET, unless something else is wrong too", async () => {
  const start = 'import { database, defineCluster, replicas, workers } from "prunella";\n';
  const later = `${start}export default defineCluster({ name: "a", services: {
    b: ‸workers({ run: 5, whatever: true }),
    c: ‸database({ replicas: 2 }),
    d: replicas({ run: "x", scale: { ‸cpu: 0.6 } as object }),
  } });`;
  const { text, positions } = unmark(later);
  using folder = new ClusterFolder({ "cluster.ts": text });
  const { code, problems } = await folder.failure();
  assert.equal(code, "NOT_YET");
  assert.deepEqual(
    problems.map(({ line, column }) => ({ line, column })),
    positions,
  );
  assert.match(
    problems[0]?.message ?? "",
    /workers is not there yet: this release runs replicas and elected/,
  );

  folder.write("cluster.ts", text.replace('run: "x"', "run: 5"));
  assert.equal((await folder.failure()).code, "CONFIG_INVALID");
});
