import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { ended, GatewayLab, until } from "../../lab/bench/gateway-process.ts";

type Line = {
  readonly log: string;
  readonly path?: string;
  readonly status?: number;
  readonly member?: string;
  readonly reason?: string;
  readonly requestId?: string;
};

test("metrics and access log agree with what clients got", async () => {
  await using lab = new GatewayLab();
  const [one, gateway] = await Promise.all([lab.backend("one"), lab.gateway({ accessLog: true })]);
  await gateway.push(lab.view([one], { routes: [{ prefix: "/home" }, { prefix: "/other" }] }));
  for (let index = 0; index < 20; index++) {
    assert.equal((await fetch(`${gateway.url}/home?id=${index}&token=s3cret`)).status, 200);
  }
  for (let index = 0; index < 5; index++) {
    assert.equal((await fetch(`${gateway.url}/other`)).status, 404);
  }
  assert.equal((await fetch(`${gateway.url}/elsewhere`)).status, 404);
  assert.match(
    await raw(gateway.announcement.port, "GET /home HTTP/1.1\nHost: x\n\n"),
    /^HTTP\/1\.1 400 /,
  );

  const page = await (await gateway.admin("/metrics")).text();
  const value = (name: string) =>
    Number(
      page
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")[1],
    );
  assert.equal(value('prunella_requests_total{service="hello",code_class="2xx"}'), 20);
  assert.equal(value('prunella_requests_total{service="hello",code_class="4xx"}'), 5);
  assert.equal(value('prunella_request_duration_seconds_count{service="hello"}'), 25);
  assert.equal(value('prunella_gateway_rejected_total{reason="no-route"}'), 1);
  assert.equal(value('prunella_gateway_rejected_total{reason="bare-lf"}'), 1);
  assert.equal(
    value('prunella_gateway_member_requests_total{service="hello",member="hello-1"}'),
    25,
  );
  assert.equal(value("prunella_gateway_view_version"), 1);
  assert.equal(value('prunella_gateway_in_flight{service="hello",member="hello-1"}'), 0);

  await gateway.kill("SIGTERM");
  const text = readFileSync(lab.path("gateway.log"), "utf8");
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line): Line => JSON.parse(line));
  const access = lines.filter(({ log }) => log === "access");
  assert.equal(access.filter(({ status }) => status === 200).length, 20);
  assert.equal(access.filter(({ status }) => status === 404).length, 6);
  assert.equal(access.filter(({ reason }) => reason === "bare-lf").length, 1);
  assert.equal(access.length, 27);
  assert.equal(access[0]?.path, "/home?id=0&token=[redacted]");
  assert.equal(access[0]?.member, "hello-1");
  assert.equal(new Set(access.map(({ requestId }) => requestId)).size >= 26, true);
  assert.equal(text.includes("s3cret"), false);
  assert.equal(text.includes(lab.token), false);
});

test("a log that nobody reads does not hold traffic back, nor the end of the process", async () => {
  await using lab = new GatewayLab();
  const pipe = lab.path("pipe");
  execFileSync("mkfifo", [pipe]);
  const [one, gateway] = await Promise.all([
    lab.backend("one"),
    lab.gateway({ accessLog: true, logFile: pipe }),
  ]);
  await gateway.push(lab.view([one]));
  for (let index = 0; index < 200; index++) {
    assert.equal((await fetch(`${gateway.url}/home`)).status, 200);
  }
  assert.match(await (await gateway.admin("/readyz")).text(), /ENXIO/);
  gateway.child.kill("SIGTERM");
  assert.equal(await ended(gateway.child), 0);
});

test("a full disk costs log lines and the copy of the view, and nothing else", async () => {
  await using lab = new GatewayLab();
  const [one, gateway] = await Promise.all([
    lab.backend("one"),
    lab.gateway({ accessLog: true, logFile: "/dev/full", viewFile: "/dev/full/view.json" }),
  ]);
  assert.equal((await gateway.push(lab.view([one]))).status, 200);
  assert.equal((await fetch(`${gateway.url}/home`)).status, 200);
  await until("the troubles are shown", async () => {
    const text = await (await gateway.admin("/readyz")).text();
    return /ENOSPC/.test(text) && /view\.json/.test(text);
  });
  assert.equal((await fetch(`${gateway.url}/home`)).status, 200);
});

/** Sends bytes as they are and returns all that comes back. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("latin1").on("data", (part: string) => {
      received += part;
    });
    socket
      .on("end", () => socket.end())
      .on("close", () => resolve(received))
      .on("error", reject);
  });
}
