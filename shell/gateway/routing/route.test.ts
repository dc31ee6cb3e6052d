import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceName } from "@prunella/core/kernel";
import { serviceOf } from "../../../lab/peers/data-path-fixture.ts";
import { createRequestLimits, parseRequestHead, RequestHead } from "../parser/index.ts";
import { RouteTable } from "./route.ts";
import { Service } from "./service.ts";

const limits = createRequestLimits();
const head = new RequestHead();

const table = new RouteTable(
  Object.entries({
    root: [{ prefix: "/" }],
    fortune: [{ prefix: "/fortune" }],
    deep: [{ prefix: "/fortune/cookies/" }],
    shop: [{ host: "shop.example.org", prefix: "/" }],
    any: [{ host: "*.example.org", prefix: "/app" }],
    longer: [{ host: "*.b.example.org", prefix: "/app" }],
  }).map(([name, routes]) => new Service(serviceOf([], { name: serviceName(name), routes }), 0)),
);

function find(target: string, host = "other"): string | undefined {
  const bytes = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, "latin1");
  assert.equal(parseRequestHead(bytes, 0, bytes.length, limits, head), 0);
  return table.find(bytes, head)?.name;
}

test("the longest prefix wins, on segment boundaries", () => {
  assert.equal(find("/"), "root");
  assert.equal(find("/fortune"), "fortune");
  assert.equal(find("/fortune?a=/fortune/cookies/"), "fortune");
  assert.equal(find("/fortune/x"), "fortune");
  assert.equal(find("/fortunes"), "root");
  assert.equal(find("/Fortune"), "root", "paths are compared as bytes");
  assert.equal(find("/fortune/cookies"), "fortune");
  assert.equal(find("/fortune/cookies/1"), "deep");
});

test("an exact host comes before a suffix, a longer suffix before a shorter one, any host last", () => {
  assert.equal(find("/app", "shop.example.org"), "shop");
  assert.equal(find("/app", "SHOP.example.org:8080"), "shop");
  assert.equal(find("/app", "a.example.org"), "any");
  assert.equal(find("/app", "a.b.example.org"), "longer");
  assert.equal(find("/app", "example.org"), "root", "a suffix needs a name before it");
  assert.equal(find("/app", "evilexample.org"), "root");
  assert.equal(find("/other", "a.example.org"), "root", "no route of that host: any host");
});

test("an absolute target is routed by its authority, and an empty path is the root", () => {
  assert.equal(find("http://shop.example.org/x", "other"), "shop");
  assert.equal(find("http://nowhere.test"), "root");
  assert.equal(find("http://a.example.org/app?x"), "any");
});

test("without any route there is nobody", () => {
  const bytes = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  parseRequestHead(bytes, 0, bytes.length, limits, head);
  assert.equal(new RouteTable([]).find(bytes, head), undefined);
});
