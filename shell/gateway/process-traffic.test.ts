import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { GatewayLab, memberOf, until } from "../../lab/bench/gateway-process.ts";

type Outcome = { readonly status: number; readonly body: string };

function send(url: string, agent: Agent): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", (error) => resolve({ status: 0, body: `${error}` }));
    });
    request.on("error", (error) => resolve({ status: 0, body: `${error}` }));
  });
}

/** Sends at its own pace, whatever the answers do, until `during` has ended. */
async function openLoop(
  url: string,
  perSecond: number,
  during: () => Promise<void>,
): Promise<readonly Outcome[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const outcomes: Promise<Outcome>[] = [];
  const startedAtMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAtMs) / 1_000) * perSecond;
    while (outcomes.length < due) outcomes.push(send(url, agent));
  }, 5);
  await during();
  clearInterval(timer);
  const all = await Promise.all(outcomes);
  agent.destroy();
  return all;
}

test("kill -9 of a backend under load loses no GET", async () => {
  await using lab = new GatewayLab();
  const names = ["one", "two", "three"];
  const [backends, gateway] = await Promise.all([
    Promise.all(names.map((name) => lab.backend(name))),
    lab.gateway(),
  ]);
  await gateway.push(lab.view(backends));
  const servers = new Set<string>();
  const outcomes = await openLoop(`${gateway.url}/home`, 400, async () => {
    for (const victim of backends.slice(0, 2)) {
      const served = await requestsOf(gateway, 150);
      victim.child.kill("SIGKILL");
      await until("traffic goes on", async () => (await requestsOf(gateway, 0)) > served + 150);
      // What the agent does: the same instance again, as a new incarnation on the same address.
      const again = await lab.backend(`${victim.name} again`, victim.port);
      const members = backends.map((backend, index) =>
        memberOf(
          backend,
          index + 1,
          backend === victim ? { incarnation: 2, port: again.port } : {},
        ),
      );
      await gateway.push(lab.view(members));
      await until("it serves again", async () => {
        servers.add(
          (await (await fetch(`${gateway.url}/home`)).text()).replace(/.*Server: |".*/g, ""),
        );
        return servers.has(again.name);
      });
    }
  });
  const failed = outcomes.filter(({ status }) => status !== 200);
  assert.deepEqual(failed, []);
  assert.ok(outcomes.length > 300, `only ${outcomes.length} requests: no load to speak of`);
  const page = await (await gateway.admin("/metrics")).text();
  const retries = [
    ...page.matchAll(/^prunella_gateway_retries_total\{.*"(?:free|spent)"\} (\d+)$/gm),
  ];
  const retried = retries.reduce((sum, [, count]) => sum + Number(count), 0);
  assert.ok(retried > 0, "no request met a dead backend, so the test showed nothing");
});

/** Requests that members got so far; with `more`, waits until there are that many more. */
async function requestsOf(
  gateway: { admin(path: string): Promise<Response> },
  more: number,
): Promise<number> {
  const count = async () => {
    const { services } = (await (await gateway.admin("/members")).json()) as {
      services: { members: { requests: number }[] }[];
    };
    return services
      .flatMap(({ members }) => members)
      .reduce((sum, { requests }) => sum + requests, 0);
  };
  const before = await count();
  await until(`${more} more requests`, async () => (await count()) >= before + more);
  return await count();
}

test("views come and go while 200 keep-alive connections are open, and none is dropped", async () => {
  await using lab = new GatewayLab();
  const [one, two, gateway] = await Promise.all([
    lab.backend("one"),
    lab.backend("two"),
    lab.gateway(),
  ]);
  await gateway.push(lab.view([one, two]));
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => Client.open(gateway.announcement.port)),
  );
  for (let round = 0; round < 10; round++) {
    const answers = clients.map((client) => client.request("/home"));
    const change = round % 2 === 0 ? { incarnation: round + 2 } : { weight: 1 + round };
    const pushed = await gateway.push(lab.view([one, memberOf(two, 2, change)]));
    assert.equal(pushed.status, 200);
    for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 200 /);
  }
  assert.equal(clients.filter((client) => client.closed).length, 0);
  for (const client of clients) client.end();
});

/** One connection that asks one thing after another. */
class Client {
  readonly #socket: Socket;
  #received = "";
  #answered: ((answer: string) => void) | undefined;
  closed = false;

  static async open(port: number): Promise<Client> {
    const socket = connect(port, "127.0.0.1");
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Client(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => {
      this.#received += text;
      const [head, body] = this.#received.split("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(head ?? "")?.[1]);
      if (body === undefined || body.length < length) return;
      this.#received = "";
      this.#answered?.(head ?? "");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.closed = true;
      this.#answered?.("closed");
    });
  }

  request(path: string): Promise<string> {
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
    });
  }

  end(): void {
    this.#socket.destroy();
  }
}
