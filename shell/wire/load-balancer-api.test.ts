import assert from "node:assert/strict";
import { test } from "node:test";
import {
  failureBody,
  findReplica,
  parseAdd,
  parseForm,
  parseRm,
  payloadBytesMax,
  type Replica,
  type ReplicaSet,
  successBody,
  unknownPath,
} from "./load-balancer-api.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);
const replica = (hostname: string, index: number): Replica => ({
  id: `hello-${index + 1}`,
  hostname,
});

function set(hostnames: readonly string[], min = 0, max = 56): ReplicaSet {
  return { replicas: hostnames.map(replica), instancesMin: min, instancesMax: max };
}

const three = set(["Server 1", "Server 2", "Server 3"]);

test("the sample answers of the source come out byte for byte", () => {
  assert.equal(
    successBody(three.replicas),
    '{"message":{"N":3,"replicas":["Server 1","Server 2","Server 3"]},"status":"successful"}',
  );
  const added = parseAdd(bytes('{"n":4,"hostnames":["S5","S4","S10","S11"]}'), three);
  assert.deepEqual(added, { ok: true, n: 4, hostnames: ["S5", "S4", "S10", "S11"] });
  const seven = set(["Server 1", "Server 2", "Server 3", "S5", "S4", "S10", "S11"]);
  assert.equal(
    successBody(seven.replicas),
    '{"message":{"N":7,"replicas":["Server 1","Server 2","Server 3","S5","S4","S10","S11"]},' +
      '"status":"successful"}',
  );
  const removed = parseRm(bytes('{"n":3,"hostnames":["S5","S4"]}'), seven);
  assert.deepEqual(removed, {
    ok: true,
    n: 3,
    named: [
      { id: "hello-4", hostname: "S5" },
      { id: "hello-5", hostname: "S4" },
    ],
  });
  assert.equal(
    failureBody(unknownPath("/other")),
    '{"message":"<Error> \'/other\' endpoint does not exist in server replicas","status":"failure"}',
  );
});

test("the source's two refusals come out byte for byte", () => {
  const payload = bytes('{"n":2,"hostnames":["S5","S4","S10","S11"]}');
  assert.deepEqual(parseAdd(payload, three), {
    ok: false,
    status: 400,
    message: "<Error> Length of hostname list is more than newly added instances",
  });
  assert.deepEqual(parseRm(payload, three), {
    ok: false,
    status: 400,
    message: "<Error> Length of hostname list is more than removable instances",
  });
});

// Each row breaks its own check and every later one that it can, so the table also shows the order.
const long = "a".repeat(64);
const bothCalls: readonly (readonly [payload: string, message: string])[] = [
  ["", "Payload is not a JSON object"],
  ["{", "Payload is not a JSON object"],
  ["null", "Payload is not a JSON object"],
  ["[1]", "Payload is not a JSON object"],
  ['"n"', "Payload is not a JSON object"],
  ['{"n":1,}', "Payload is not a JSON object"],
  ['{"n":1} x', "Payload is not a JSON object"],
  ["n=1&hostnames=S5", "Payload is not a JSON object"],
  ["{}", "'n' must be a positive integer"],
  ['{"hostnames":7}', "'n' must be a positive integer"],
  ['{"n":0,"hostnames":["S5"]}', "'n' must be a positive integer"],
  ['{"n":-1}', "'n' must be a positive integer"],
  ['{"n":1.5}', "'n' must be a positive integer"],
  ['{"n":1e999}', "'n' must be a positive integer"],
  ['{"n":"1"}', "'n' must be a positive integer"],
  ['{"n":true}', "'n' must be a positive integer"],
  ['{"n":null}', "'n' must be a positive integer"],
  ['{"n":[1]}', "'n' must be a positive integer"],
  ['{"__proto__":{"n":1}}', "'n' must be a positive integer"],
  ['{"n":1,"hostnames":null}', "'hostnames' must be a list of strings"],
  ['{"n":1,"hostnames":"S5"}', "'hostnames' must be a list of strings"],
  ['{"n":1,"hostnames":{}}', "'hostnames' must be a list of strings"],
  ['{"n":1,"hostnames":["S5",6]}', "'hostnames' must be a list of strings"],
  ['{"n":2,"hostnames":["S5",""]}', "'' is not a valid hostname"],
  ['{"n":2,"hostnames":["S5"," S6"]}', "' S6' is not a valid hostname"],
  ['{"n":1,"hostnames":["S6 "]}', "'S6 ' is not a valid hostname"],
  ['{"n":1,"hostnames":["a/b"]}', "'a/b' is not a valid hostname"],
  ['{"n":1,"hostnames":["a\\nb"]}', "'a\nb' is not a valid hostname"],
  ['{"n":1,"hostnames":["a\\n"]}', "'a\n' is not a valid hostname"],
  ['{"n":1,"hostnames":[".."]}', "'..' is not a valid hostname"],
  ['{"n":1,"hostnames":["sérver"]}', "'sérver' is not a valid hostname"],
  [`{"n":1,"hostnames":["${long}"]}`, `'${long}' is not a valid hostname`],
  ['{"n":3,"hostnames":["S5","S5",""]}', "'' is not a valid hostname"],
  ['{"n":2,"hostnames":["S5","S5"]}', "Hostname 'S5' is given twice"],
  ['{"n":2,"hostnames":["S5","s5"]}', "Hostname 's5' is given twice"],
  ['{"n":2,"hostnames":["My S","my-s"]}', "Hostname 'my-s' is given twice"],
];

test("both calls refuse what is wrong in itself, in the order of the checks", () => {
  for (const [payload, message] of bothCalls) {
    const expected = { ok: false, status: 400, message: `<Error> ${message}` };
    assert.deepEqual(parseAdd(bytes(payload), three), expected, payload);
    assert.deepEqual(parseRm(bytes(payload), three), expected, payload);
    assert.deepEqual(parseForm("add", bytes(payload)), expected, payload);
  }
});

test("a payload is judged by its bytes: 64 KiB is the most, and it must be UTF-8", () => {
  const padded = bytes(`{"n":1}${" ".repeat(payloadBytesMax - 7)}`);
  assert.equal(padded.length, payloadBytesMax);
  assert.equal(parseAdd(padded, three).ok, true);
  const over = new Uint8Array(payloadBytesMax + 1).fill(0x20);
  assert.deepEqual(parseAdd(over, three), {
    ok: false,
    status: 413,
    message: "<Error> Payload is larger than 64 KiB",
  });
  const broken = Uint8Array.from([...bytes('{"n":1,"x":"'), 0xff, ...bytes('"}')]);
  assert.equal(parseAdd(broken, three).ok, false);
});

test("names may be left out, be fewer than n, and hold inner spaces, dots, dashes and underscores", () => {
  assert.deepEqual(parseAdd(bytes('{"n":2}'), three), { ok: true, n: 2, hostnames: [] });
  assert.deepEqual(parseRm(bytes('{"n":2,"hostnames":[]}'), three), {
    ok: true,
    n: 2,
    named: [],
  });
  const names = ["Server 12", "a.b_c-d", "7", "a".repeat(63)];
  const payload = bytes(JSON.stringify({ n: 5, hostnames: names, ignored: true }));
  assert.deepEqual(parseAdd(payload, three), { ok: true, n: 5, hostnames: names });
});

const addOnly: readonly (readonly [payload: string, message: string])[] = [
  ['{"n":99,"hostnames":["Server 2"]}', "Hostname 'Server 2' is already in use"],
  ['{"n":1,"hostnames":["server-2"]}', "Hostname 'server-2' is already in use"],
  ['{"n":1,"hostnames":["hello-3"]}', "Hostname 'hello-3' is already in use"],
  ['{"n":54}', "At most 56 instances are allowed"],
  ['{"n":1e300}', "At most 56 instances are allowed"],
];

test("/add refuses names in use, and more instances than are allowed", () => {
  for (const [payload, message] of addOnly) {
    const expected = { ok: false, status: 400, message: `<Error> ${message}` };
    assert.deepEqual(parseAdd(bytes(payload), three), expected, payload);
  }
  assert.equal(parseAdd(bytes('{"n":53}'), three).ok, true);
  assert.deepEqual(parseAdd(bytes('{"n":4}'), set(["a", "b", "c"], 2, 6)), {
    ok: false,
    status: 400,
    message: "<Error> At most 6 instances are allowed",
  });
});

const rmOnly: readonly (readonly [payload: string, message: string])[] = [
  ['{"n":99,"hostnames":["S9"]}', "Hostname 'S9' is not a replica"],
  ['{"n":2,"hostnames":["Server 1","hello-1"]}', "Hostname 'hello-1' is given twice"],
  ['{"n":4}', "Only 3 instances can be removed"],
  ['{"n":4,"hostnames":["Server 1"]}', "Only 3 instances can be removed"],
];

test("/rm refuses unknown names, and more than can be removed", () => {
  for (const [payload, message] of rmOnly) {
    const expected = { ok: false, status: 400, message: `<Error> ${message}` };
    assert.deepEqual(parseRm(bytes(payload), three), expected, payload);
  }
  assert.equal(parseRm(bytes('{"n":3}'), three).ok, true); // No floor is given: N = 0 is possible.
  assert.deepEqual(parseRm(bytes('{"n":2}'), set(["a", "b", "c"], 2)), {
    ok: false,
    status: 400,
    message: "<Error> Only 1 instances can be removed",
  });
});

test("a replica answers to its host name, the network's form of it, and its own name", () => {
  for (const name of ["Server 2", "server-2", "hello-2"]) {
    assert.equal(findReplica(three.replicas, name), three.replicas[1], name);
  }
  assert.equal(findReplica(three.replicas, "Server 4"), undefined);
});
