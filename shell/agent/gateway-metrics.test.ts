import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayMetrics } from "./gateway-metrics.ts";

function page(requests: number, inFlight: number, more = ""): string {
  return `# HELP prunella_requests_total Requests.
# TYPE prunella_requests_total counter
prunella_requests_total{service="hello",code_class="2xx"} ${requests}
${more}
# HELP prunella_gateway_in_flight Open now.
# TYPE prunella_gateway_in_flight gauge
prunella_gateway_in_flight{service="hello"} ${inFlight}

# HELP prunella_request_duration_seconds How long.
# TYPE prunella_request_duration_seconds histogram
prunella_request_duration_seconds_bucket{service="hello",le="0.1"} ${requests}
prunella_request_duration_seconds_bucket{service="hello",le="+Inf"} ${requests}
prunella_request_duration_seconds_sum{service="hello"} ${requests / 10}
prunella_request_duration_seconds_count{service="hello"} ${requests}
`;
}

const source = (number: number, pid: number, text: string | undefined) => ({
  gateway: `gateway-${number}`,
  pid,
  page: text,
});

function valueIn(text: string, series: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

const requests = 'prunella_requests_total{service="hello",code_class="2xx"}';

test("counters and histograms are summed, gauges stand beside each other", () => {
  const text = new GatewayMetrics().render([source(1, 10, page(5, 1)), source(2, 20, page(7, 2))]);
  assert.equal(valueIn(text, requests), 12);
  const duration = "prunella_request_duration_seconds";
  assert.equal(valueIn(text, `${duration}_bucket{service="hello",le="+Inf"}`), 12);
  assert.equal(valueIn(text, `${duration}_sum{service="hello"}`), 1.2);
  for (const [gateway, value] of [["gateway-1", 1] as const, ["gateway-2", 2] as const]) {
    const series = `prunella_gateway_in_flight{service="hello",gateway="${gateway}"}`;
    assert.equal(valueIn(text, series), value);
    assert.equal(valueIn(text, `prunella_gateway_up{gateway="${gateway}"}`), 1);
  }
  assert.equal(text.match(/^# TYPE prunella_requests_total counter$/gm)?.length, 1);
});

test("a sum never falls: not when a gateway dies, is silent, leaves or counts anew", () => {
  const metrics = new GatewayMetrics();
  const sum = (...sources: Parameters<GatewayMetrics["render"]>[0]) =>
    valueIn(metrics.render(sources), requests);
  assert.equal(sum(source(1, 10, page(5, 0)), source(2, 20, page(7, 0))), 12);
  assert.equal(sum(source(1, 10, page(6, 0)), source(2, 20, undefined)), 13, "it is silent");
  assert.equal(sum(source(1, 10, page(6, 0)), source(2, 21, page(1, 0))), 14, "a new process");
  assert.equal(sum(source(1, 10, page(2, 0)), source(2, 21, page(1, 0))), 16, "counted anew");
  assert.equal(sum(source(1, 10, page(3, 0))), 17, "one gateway fewer");
  assert.equal(sum(source(1, 10, page(3, 0)), source(2, 22, page(0, 0))), 17);
});

test("a service that has gone from all gateways is shown no more", () => {
  const metrics = new GatewayMetrics();
  const gone = 'prunella_requests_total{service="gone",code_class="2xx"}';
  const before = metrics.render([source(1, 10, page(1, 0, `${gone} 9`))]);
  assert.equal(valueIn(before, gone), 9);
  assert.equal(valueIn(metrics.render([source(1, 10, page(1, 0))]), gone), undefined);
});
