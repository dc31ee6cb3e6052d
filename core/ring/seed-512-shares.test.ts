/**
 * The shares of the source's map over all its 900,000 six-digit request ids, and those of the
 * functions that experiment A-4 puts in its place. Every number is computed exactly.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceName } from "../kernel/index.ts";
import { ownerIndex, place } from "./placement.ts";
import { placeSeed512, type Seed512Member, type Seed512Options } from "./seed-512.ts";
import { describeSeed512, sixDigitIds } from "./seed-512-description.ts";
import { requestHashes, serverHashes } from "./seed-512-hashes.ts";

function servers(count: number, failed = 0): readonly Seed512Member[] {
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    live: index + 1 !== failed,
  }));
}

function percents(share: readonly number[]): string {
  return share.map((part) => (100 * part).toFixed(1)).join("/");
}

test("the source's H reaches 87 of 512 slots, and one of them gets a sixteenth of all requests", () => {
  const { requestsBySlot, reachableSlotCount } = describeSeed512(placeSeed512(servers(3)));
  assert.equal(reachableSlotCount, 87);
  const bySize = new Map<string, number>();
  for (const requests of requestsBySlot.filter((count) => count > 0)) {
    const part = (requests / 9_000).toFixed(1);
    bySize.set(part, (bySize.get(part) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(bySize), { "6.3": 1, "3.1": 6, "1.6": 16, "0.8": 64 });
  assert.equal(requestsBySlot.indexOf(Math.max(...requestsBySlot)), 80);
});

test("two and three servers get exactly these requests", () => {
  const requests = (count: number): readonly number[] =>
    describeSeed512(placeSeed512(servers(count))).share.map((part) => Math.round(900_000 * part));
  assert.deepEqual(requests(2), [857_813, 42_187]);
  assert.deepEqual(requests(3), [759_374, 42_187, 98_439]);
});

test("no reading of what the source leaves open helps", () => {
  const shares = (options: Seed512Options): string =>
    percents(describeSeed512(placeSeed512(servers(3), options)).share);
  const phi = serverHashes.source;
  assert.equal(shares({ serverHash: (i, j) => phi(i, j + 1, 512) }), "83.6/4.7/11.7");
  assert.equal(shares({ serverHash: (i, j) => phi(i - 1, j, 512) }), "93.8/1.6/4.7");
  const strictlyAfter: Seed512Options = { requestHash: (id) => requestHashes.source(id, 512) + 1 };
  assert.equal(shares(strictlyAfter), "87.5/2.3/10.2");
});

const mixedH = { requestHash: requestHashes.mixed };
const mixedPhi = { serverHash: serverHashes.mixed };

/** Shares for N = 2 to 6, max/mean for each, and the range of the worst max/mean after one fails. */
const rows: readonly {
  readonly name: string;
  readonly options: Seed512Options;
  readonly shares: readonly string[];
  readonly maxOverMean: string;
  readonly afterFailure: string;
}[] = [
  {
    name: "source H, source Phi",
    options: {},
    shares: [
      "95.3/4.7",
      "84.4/4.7/10.9",
      "82.0/4.7/10.2/3.1",
      "79.7/3.1/9.4/3.1/4.7",
      "78.9/3.1/9.4/3.1/4.7/0.8",
    ],
    maxOverMean: "1.91 2.53 3.28 3.98 4.73",
    afterFailure: "1.91-4.10",
  },
  {
    name: "mixed H, source Phi",
    options: mixedH,
    shares: [
      "95.3/4.7",
      "89.3/4.3/6.4",
      "86.6/3.3/5.4/4.7",
      "84.0/3.1/4.5/4.1/4.3",
      "81.5/2.9/3.3/4.1/3.5/4.6",
    ],
    maxOverMean: "1.91 2.68 3.46 4.20 4.89",
    afterFailure: "1.91-4.20",
  },
  {
    name: "source H, mixed Phi, K = 9",
    options: mixedPhi,
    shares: [
      "45.3/54.7",
      "35.9/35.9/28.1",
      "35.2/27.3/15.6/21.9",
      "18.0/22.7/11.7/21.9/25.8",
      "18.0/22.7/8.6/19.5/24.2/7.0",
    ],
    maxOverMean: "1.09 1.08 1.41 1.29 1.45",
    afterFailure: "1.23-1.68",
  },
  {
    name: "both mixed, K = 9",
    options: { ...mixedH, ...mixedPhi },
    shares: [
      "40.3/59.7",
      "28.8/43.3/27.9",
      "26.2/32.9/16.0/24.8",
      "17.7/26.7/11.0/24.8/19.9",
      "17.1/26.7/7.4/22.3/17.0/9.6",
    ],
    maxOverMean: "1.19 1.30 1.32 1.33 1.60",
    afterFailure: "1.23-1.85",
  },
  {
    name: "both mixed, K = 64",
    options: { ...mixedH, ...mixedPhi, virtualCount: 64 },
    shares: [
      "50.8/49.2",
      "36.7/32.5/30.8",
      "28.7/25.1/24.7/21.5",
      "19.7/22.0/20.5/19.1/18.6",
      "17.5/17.8/16.4/17.0/16.8/14.4",
    ],
    maxOverMean: "1.02 1.10 1.15 1.10 1.07",
    afterFailure: "1.16-1.22",
  },
];

for (const { name, options, shares, maxOverMean, afterFailure } of rows) {
  test(`shares and balance of ${name}, before and after a failure`, () => {
    const whole = [2, 3, 4, 5, 6].map((count) =>
      describeSeed512(placeSeed512(servers(count), options)),
    );
    assert.deepEqual(
      whole.map(({ share }) => percents(share)),
      shares,
    );
    assert.equal(whole.map((facts) => facts.maxOverMean.toFixed(2)).join(" "), maxOverMean);

    const worst = [3, 4, 5, 6].map((count) => {
      const balances = servers(count).map(({ number }) => {
        const map = placeSeed512(servers(count, number), options);
        return describeSeed512(map).maxOverMean;
      });
      return Math.max(...balances);
    });
    const range = `${Math.min(...worst).toFixed(2)}-${Math.max(...worst).toFixed(2)}`;
    assert.equal(range, afterFailure);
  });
}

test("quadratic and triangular probing are as far out of balance as linear", () => {
  for (const probing of ["quadratic", "triangular"] as const) {
    for (const [index, expected] of ["1.91", "2.53", "3.28", "3.98", "4.73"].entries()) {
      const map = placeSeed512(servers(index + 2), { probing });
      const facts = describeSeed512(map);
      assert.equal(facts.maxOverMean.toFixed(2), expected);
      if (index < 2) assert.equal(percents(facts.share), rows[0]?.shares[index]);
    }
  }
});

test("a Maglev fill of the same 512 slots is in balance", () => {
  for (const count of [2, 3, 4, 5, 6]) {
    const members = servers(count).map(({ number }) => ({
      id: instanceName(`server-${number}`),
      weight: 1,
    }));
    const placement = place(members, { slotCount: 512 });
    const counts = new Uint32Array(count);
    for (let id = sixDigitIds.first; id <= sixDigitIds.last; id++) {
      const index = ownerIndex(placement, requestHashes.mixed(id));
      counts[index] = (counts[index] ?? 0) + 1;
    }
    const maxOverMean = (Math.max(...counts) * count) / 900_000;
    assert.ok(maxOverMean < 1.015, `${count} servers: ${maxOverMean}`);
  }
});

test("the picture shows the empty arc, the tombstone and who serves what", () => {
  const { picture } = describeSeed512(placeSeed512(servers(3)));
  assert.match(picture, /^512 slots, 87 of them reachable, 27 taken by 3 servers x 9\n/);
  assert.match(picture, /linear probing, longest 1; max\/mean 2\.53/);
  assert.match(picture, / 0 {2}\.{26}1\.\.12\.2\.13\.23\.\.13\.2\.{4}31\.\.2\.{4}3\.\.1\.\.\n/);
  assert.match(picture, / 115\.\.29 +78\.91 % {2}1$/);
  assert.match(picture, /\n {2}1 {2}1 +84\.37 % {2}#{40}\n/);

  const wounded = describeSeed512(placeSeed512(servers(3, 1))).picture;
  assert.match(wounded, /1 {2}1 +down, its slots are reserved/);
  assert.match(wounded, / 0 {2}\.{26}x\.\.x2\.2\.x3/);
  assert.match(wounded, / 115\.\.32 +82\.03 % {2}2$/);

  assert.match(describeSeed512(placeSeed512([])).picture, / 0\.\.511 +100\.00 % {2}nobody$/);
  assert.match(describeSeed512(placeSeed512(servers(1))).picture, / 0\.\.511 +100\.00 % {2}1$/);
});
