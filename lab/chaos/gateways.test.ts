/** Several gateways on one port: what the death of one costs, and how their number changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openLoop } from "../load/open-loop.ts";
import { RawClient } from "../peers/raw-client.ts";
import { kill, ThrowawayCluster } from "./throwaway-cluster.ts";

const waitMs = 60_000;
const connectionCount = 40;
const get = "GET /home HTTP/1.1\r\nHost: a\r\n\r\n";
const service = 'health: "/heartbeat", route: "/", stop: { drainMs: 500, graceMs: 500 }';

/** Value of one series of the page of all gateways. */
async function metric(cluster: ThrowawayCluster, series: string): Promise<number> {
  const page = await cluster.ask("/v1/metrics");
  const line = page.split("\n").find((one) => one.startsWith(`${series} `));
  assert.ok(line, `${series} is missing in ${page.slice(0, 2_000)}`);
  return Number(line.slice(series.length));
}

async function openConnections(cluster: ThrowawayCluster): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  for (let number = 0; number < connectionCount; number++) {
    const client = await RawClient.connect(cluster.port);
    assert.equal((await client.ask(get)).status, 200);
    clients.push(client);
  }
  return clients;
}

test("kill -9 of one of two gateways cuts its own connections and no others", async () => {
  await using cluster = await ThrowawayCluster.create({ gateways: 2, service });
  await cluster.up();
  const status = await cluster.status();
  assert.deepEqual(
    status.gateways.map(({ name, ready }) => [name, ready]),
    [
      ["gateway-1", true],
      ["gateway-2", true],
    ],
  );
  const clients = await openConnections(cluster);
  const idle = (gateway: string) =>
    metric(cluster, `prunella_gateway_client_connections{state="idle",gateway="${gateway}"}`);
  const [first, second] = [await idle("gateway-1"), await idle("gateway-2")];
  assert.equal(first + second, connectionCount);
  assert.ok(first > 0 && second > 0, `all connections went to one: ${first} and ${second}`);
  const before = await metric(cluster, requests);
  assert.ok(before >= connectionCount);

  const load = openLoop({
    ...{ url: `${cluster.url}/home`, rate: 200, seconds: 60, connections: 16 },
    headers: { connection: "close" },
  });
  kill(status.gateways[0]?.pid ?? 0);
  await cluster.until(
    "its connections are cut",
    waitMs,
    () => clients.filter(({ closed, ended }) => closed || ended).length >= first,
  );
  await cluster.until("it is back", waitMs, async () => {
    const { gateways, converged } = await cluster.status();
    return converged && gateways[0]?.incarnation === 2;
  });
  const living = clients.filter(({ closed, ended }) => !closed && !ended);
  assert.equal(living.length, second, "the connections of the other one live");
  for (const client of living) assert.equal((await client.ask(get)).status, 200);
  const report = await load.stop();
  // What the dead one had accepted, or had in its queue, is cut; everything later is served.
  assert.ok(report.transportErrors <= 16, JSON.stringify(report.byError));
  assert.equal(report.httpErrors + report.dropped, 0);
  assert.ok(report.ok > 50);
  assert.ok((await metric(cluster, requests)) >= before, "the sum does not fall");
  for (const client of clients) client.destroy();
});

const requests = 'prunella_requests_total{service="hello",code_class="2xx"}';

test("the number of gateways follows the file, and the port is answered all the time", async () => {
  await using cluster = await ThrowawayCluster.create({ gateways: 1, count: 2, service });
  await cluster.up();
  const { pid } = (await cluster.status()).gateways[0] ?? {};
  const load = openLoop({ url: `${cluster.url}/home`, rate: 100, seconds: 60, connections: 8 });
  const names = async () => (await cluster.status()).gateways.map(({ name }) => name);

  cluster.write({ gateways: 3, count: 2, service });
  await cluster.up();
  assert.deepEqual(await names(), ["gateway-1", "gateway-2", "gateway-3"]);
  assert.equal((await cluster.status()).gateways[0]?.pid, pid, "the first one goes on");
  await cluster.must("scale", "hello", "3");
  assert.equal(await metric(cluster, 'prunella_gateway_up{gateway="gateway-3"}'), 1);

  cluster.write({ gateways: 1, count: 2, service });
  await cluster.up();
  await cluster.until("one is left", waitMs, async () => (await names()).length === 1);
  assert.equal((await cluster.status()).gateways[0]?.pid, pid);
  const report = await load.stop();
  assert.equal(report.httpErrors + report.dropped, 0, report.firstFailures.join());
  assert.equal(cluster.census().filter(({ isGateway }) => isGateway).length, 1);
});
