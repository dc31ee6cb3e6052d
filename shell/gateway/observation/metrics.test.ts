import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName, serviceName } from "@prunella/core/kernel";
import { MetricsPage } from "./metrics.ts";
import { type MetricsInput, metricRows } from "./metrics-table.ts";

const durations = { boundsS: [0.001, 0.01], counts: [5, 3, 2], sumS: 0.75, count: 10 };

const input: MetricsInput = {
  path: {
    agentTerm: 2,
    viewVersion: 9,
    viewAgeMs: 1_500,
    draining: false,
    services: [
      {
        name: serviceName("hello"),
        members: [
          {
            id: instanceName("hello-1"),
            incarnation: 3,
            address: "127.0.0.1:4000",
            state: "serving",
            inFlight: 4,
            idleConnections: 2,
            busyConnections: 4,
            ejected: "faults",
            ejections: { refused: 0, faults: 1 },
            requests: 10,
            faults: { reset: 5, timeout: 0 },
          },
          {
            id: instanceName("hello-2"),
            incarnation: 1,
            address: "127.0.0.1:4001",
            state: "draining",
            inFlight: 1,
            idleConnections: 0,
            busyConnections: 1,
            ejected: undefined,
            ejections: { refused: 2, faults: 0 },
            requests: 3,
            faults: { reset: 0, timeout: 1 },
          },
        ],
        requests: { "1xx": 0, "2xx": 8, "3xx": 0, "4xx": 1, "5xx": 1, none: 2 },
        duration: durations,
        upstreamDuration: durations,
        retries: { free: 1, spent: 2, exhausted: 0, unsafe: 0 },
        retryTokens: 9.5,
        diverted: { draining: 3 },
        failOpen: 1,
        pipelined: 6,
        held: 2,
        heldRefused: { late: 1, full: 0, gone: 0 },
        discarded: { surplus: 1 },
        tcpConnections: { relayed: 0, "no-member": 0 },
        tcpBytes: { in: 0, out: 0 },
        leaderTerm: 7,
        leader: undefined,
        staleAnswersDropped: 2,
        clientAborts: 6,
        brokenResponses: 7,
        ringMovedRatio: 0.25,
      },
    ],
    rejected: { "bare-lf": 11 },
    clientConnections: { active: 5, idle: 195, tunnel: 0 },
    clientConnectionsAccepted: 200,
    clientConnectionsClosed: { idle: 1 },
    tcpPorts: [],
    bufferedBytes: 4_096,
    bytes: { clientIn: 100, clientOut: 1_000 },
  },
  process: {
    logLinesDropped: 12,
    viewsRefused: 1,
    viewWriteFailures: 0,
    loopDelayS: { "0.5": 0.001, "0.99": 0.002, "1": 0.01 },
    cpuS: 1.25,
    residentBytes: 60_000_000,
    startedAtS: 1_700_000_000,
  },
};

/** Samples by name and labels, as a scraper reads them. */
function samples(page: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of page.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = /^([a-z_:][a-z0-9_:]*(?:\{[a-z_]+="[^"\n]*"(?:,[a-z_]+="[^"\n]*")*\})?) (\S+)$/i;
    const [, name, value] = match.exec(line) ?? [];
    assert.ok(name !== undefined && value !== undefined, `no sample: ${line}`);
    assert.equal(found.has(name), false, `twice: ${name}`);
    found.set(name, Number(value));
  }
  return found;
}

test("the page shows what was counted, under the names of the reference", async () => {
  const page = new MetricsPage();
  const found = samples(await page.render(input));
  const expected: Readonly<Record<string, number>> = {
    'prunella_requests_total{service="hello",code_class="2xx"}': 8,
    'prunella_requests_total{service="hello",code_class="1xx"}': 0,
    'prunella_requests_total{service="hello",code_class="none"}': 2,
    'prunella_gateway_rejected_total{reason="bare-lf"}': 11,
    'prunella_gateway_retries_total{service="hello",outcome="spent"}': 2,
    'prunella_gateway_retry_budget_tokens{service="hello"}': 9.5,
    'prunella_gateway_diverted_total{service="hello",reason="draining"}': 3,
    'prunella_gateway_ejections_total{service="hello",member="hello-2",reason="refused"}': 2,
    'prunella_gateway_ejected{service="hello"}': 1,
    'prunella_gateway_fail_open_total{service="hello"}': 1,
    'prunella_gateway_pipelined_total{service="hello"}': 6,
    'prunella_gateway_held_requests{service="hello"}': 2,
    'prunella_gateway_in_flight{service="hello",member="hello-1"}': 4,
    'prunella_gateway_upstream_connections{service="hello",state="busy"}': 5,
    'prunella_gateway_upstream_discarded_total{service="hello",reason="surplus"}': 1,
    'prunella_gateway_client_connections{state="idle"}': 195,
    'prunella_gateway_client_aborts_total{service="hello"}': 6,
    'prunella_gateway_broken_responses_total{service="hello"}': 7,
    'prunella_gateway_ring_moved_ratio{service="hello"}': 0.25,
    prunella_gateway_view_version: 9,
    prunella_gateway_view_age_seconds: 1.5,
    prunella_gateway_buffered_bytes: 4_096,
    'prunella_gateway_bytes_total{direction="out"}': 1_000,
    'prunella_gateway_loop_delay_seconds{quantile="0.99"}': 0.002,
    prunella_gateway_log_lines_dropped_total: 12,
    'prunella_request_duration_seconds_bucket{service="hello",le="0.001"}': 5,
    'prunella_request_duration_seconds_bucket{service="hello",le="0.01"}': 8,
    'prunella_request_duration_seconds_bucket{service="hello",le="+Inf"}': 10,
    'prunella_request_duration_seconds_sum{service="hello"}': 0.75,
    'prunella_request_duration_seconds_count{service="hello"}': 10,
    'prunella_upstream_duration_seconds_count{service="hello"}': 10,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
});

test("a second scrape shows the new numbers, not their sum with the old ones", async () => {
  const page = new MetricsPage();
  const first = await page.render(input);
  assert.equal(await page.render(input), first);
  const gone = { ...input, path: { ...input.path, services: [] } };
  assert.equal((await page.render(gone)).includes("hello"), false);
});

test("before the first view there is no view to speak of", async () => {
  const page = new MetricsPage();
  const none = { ...input, path: { ...input.path, viewAgeMs: undefined } };
  assert.doesNotMatch(await page.render(none), /^prunella_gateway_view_(version|age|term)/m);
});

test("each metric has help and type, and no label that grows with the traffic", async () => {
  const text = await new MetricsPage().render(input);
  for (const row of metricRows) {
    assert.ok(text.includes(`# TYPE ${row.name} ${row.type}\n`), row.name);
    assert.ok(text.includes(`# HELP ${row.name} ${row.help}\n`), row.name);
    assert.equal(row.name.endsWith("_total"), row.type === "counter", row.name);
    for (const label of row.labels) assert.doesNotMatch(label, /path|id|address|client/);
  }
});
