import assert from "node:assert/strict";
import { test } from "node:test";
import { foldFact, incidentsOf, noIncidents } from "@prunella/core/healing";
import { instanceName, serviceName } from "@prunella/core/kernel";
import type { Trouble } from "@prunella/wire/trouble";
import type { Happening } from "./chronicle.ts";
import { presentTroubles, troublesAround } from "./trouble-choice.ts";
import { TroubleRecord } from "./trouble-record.ts";

const minuteMs = 60_000;

function trouble(id: number, changes: Partial<Trouble> = {}): Trouble {
  return {
    id,
    at: new Date(0).toISOString(),
    type: "ejected",
    service: "hello",
    member: "hello-1",
    incarnation: 1,
    message: `trouble ${id}`,
    ...changes,
  };
}

/** A record on a clock that the test moves, and what it writes down. */
function recordWith(incidents = noIncidents) {
  const written: Happening[] = [];
  const clock = { nowMs: 0 };
  const chronicle = {
    record: (happening: Happening) => void written.push(happening),
    incidentsOf: (instance: string) => incidentsOf(incidents, instance),
  };
  return { record: new TroubleRecord(chronicle, () => clock.nowMs), written, clock };
}

test("a trouble becomes an event of its member, with the incident that is open", () => {
  const incidents = foldFact(noIncidents, {
    type: "probe-failed",
    service: "hello",
    instance: "hello-1",
    incarnation: 1,
    atMs: 0,
    message: "fails",
    data: {},
  });
  const { record, written } = recordWith(incidents);
  const troubles = [trouble(1, { type: "framing-fault" }), trouble(2, { member: null })];
  record.took("gateway-2", { troubles, missed: 0 });
  const [first, second] = written;
  assert.deepEqual(
    [first?.type, first?.severity, first?.instance, first?.incident, first?.data],
    ["gateway.framing-fault", "error", "hello-1", "i-1", { gateway: "gateway-2" }],
  );
  assert.deepEqual(
    [second?.severity, second?.service, second?.instance, second?.incident],
    ["warning", "hello", null, null],
  );
});

test("a flood of troubles is written down up to a bound, and the rest is counted", () => {
  const { record, written, clock } = recordWith();
  const flood = Array.from({ length: 256 }, (_, n) => trouble(n + 1));
  record.took("gateway-1", { troubles: flood, missed: 44 });
  assert.equal(written.length, 60);
  assert.equal(record.recent.length, 200);
  clock.nowMs = minuteMs;
  record.took("gateway-1", { troubles: [trouble(257)], missed: 0 });
  assert.equal(written.length, 62);
  assert.deepEqual(written.at(-1)?.data, { count: 256 - 60 + 44 });
  clock.nowMs = 16 * minuteMs;
  assert.equal(record.recent.length, 0, "what is old is not at hand any more");
});

test("status tells each kind once, of copies that run now, for five minutes", () => {
  const { record } = recordWith();
  const troubles = [
    trouble(1),
    trouble(2, { member: "hello-2" }),
    trouble(3, { member: null, type: "fail-open" }),
    trouble(4, { message: "the same, later" }),
    trouble(5, { member: "hello-9" }),
  ];
  record.took("gateway-1", { troubles, missed: 0 });
  const running = [
    { name: instanceName("hello-1"), incarnation: 1 },
    { name: instanceName("hello-2"), incarnation: 2 },
  ];
  const shown = presentTroubles(record.recent, running, minuteMs);
  assert.deepEqual(
    shown.map(({ message }) => message),
    ["trouble 3", "the same, later"],
  );
  assert.deepEqual(presentTroubles(record.recent, running, 6 * minuteMs), []);
});

test("why tells those of the instance, of its service as a whole, and what a gateway told", () => {
  const { record } = recordWith();
  const troubles = [trouble(1), trouble(2, { member: null }), trouble(3, { service: "web" })];
  record.took("gateway-1", { troubles, missed: 0 });
  const around = (name: string, service: string) =>
    troublesAround(record.recent, {
      name: instanceName(name),
      service: serviceName(service),
    }).map(({ message }) => message);
  assert.deepEqual(around("hello-2", "hello"), ["trouble 2"]);
  assert.deepEqual(around("hello-1", "hello"), ["trouble 1", "trouble 2", "trouble 3"]);
  assert.deepEqual(around("gateway-1", "gateway"), ["trouble 1", "trouble 2", "trouble 3"]);
  assert.deepEqual(around("gateway-2", "gateway"), []);
});
