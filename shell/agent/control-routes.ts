/** The calls of the control API, a line of thought each. `docs/reference/control-api.md` lists them. */
import {
  applyRequest,
  clusterEvent,
  clusterStatus,
  explanation,
  instanceStatus,
  scaleRequest,
  serviceStatus,
} from "@prunella/wire/control";
import { payloadBytesMax } from "@prunella/wire/load-balancer-api";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from "fastify";
import { z } from "zod";
import type { Control, LoadBalancerAnswer } from "./control.ts";
import { electionRoutes } from "./election-routes.ts";
import { ndjson, serverSentEvents, streamed } from "./event-stream.ts";

const serviceParams = z.object({ service: z.string() });
const instanceParams = z.object({ name: z.string() });
const flag = z.enum(["true", "false"]).default("false");
const logQuery = z.object({
  tail: z.coerce.number().int().min(0).max(100_000).default(200),
  follow: flag,
});
const eventQuery = z.object({ after: z.coerce.number().int().min(0).default(0), follow: flag });
const planned = z.object({
  changes: z.array(
    z.object({
      action: z.enum(["create", "remove", "scale", "restart", "reroute", "keep"]),
      service: z.string(),
      detail: z.string(),
      reason: z.string(),
      risk: z.enum(["none", "low", "high"]),
      riskDetail: z.string(),
    }),
  ),
});

export function controlRoutes(control: Control): FastifyPluginAsync {
  return async (server) => {
    server.get("/openapi.json", { schema: { hide: true } }, async () => server.swagger());
    clusterRoutes(server, control);
    instanceRoutes(server, control);
    streamRoutes(server, control);
    electionRoutes(server, control.election);
    await server.register(loadBalancerRoutes(control));
  };
}

function clusterRoutes(server: FastifyInstance, control: Control): void {
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await control.metrics()),
  );
  server.get("/status", { schema: { response: { 200: clusterStatus } } }, async () =>
    control.status(),
  );
  server.post<{ Body: z.infer<typeof applyRequest> }>(
    "/plan",
    { schema: { body: applyRequest, response: { 200: planned } } },
    async (request) => ({ changes: await control.plan(request.body) }),
  );
  server.post<{ Body: z.infer<typeof applyRequest> }>(
    "/apply",
    { schema: { body: applyRequest, response: { 200: planned } } },
    async (request) => ({ changes: await control.apply(request.body) }),
  );
  server.post<{ Params: { service: string }; Body: z.infer<typeof scaleRequest> }>(
    "/services/:service/scale",
    { schema: { params: serviceParams, body: scaleRequest, response: { 200: serviceStatus } } },
    async (request) => control.scale(request.params.service, request.body.count),
  );
}

function instanceRoutes(server: FastifyInstance, control: Control): void {
  server.post<{ Params: { name: string } }>(
    "/instances/:name/restart",
    { schema: { params: instanceParams, response: { 200: instanceStatus } } },
    async (request) => control.restart(request.params.name),
  );
  server.get<{ Params: { name: string } }>(
    "/instances/:name/why",
    { schema: { params: instanceParams, response: { 200: explanation } } },
    async (request) => control.why(request.params.name),
  );
}

function streamRoutes(server: FastifyInstance, control: Control): void {
  server.get<{ Params: { name: string }; Querystring: z.infer<typeof logQuery> }>(
    "/instances/:name/logs",
    { schema: { params: instanceParams, querystring: logQuery } },
    async (request, reply) => {
      const { tail, follow } = request.query;
      const signal = whenGone(reply);
      const options = { tailLines: tail, follow: follow === "true" };
      const lines = control.logs(request.params.name, options, signal);
      return streamed(reply, "text/plain; charset=utf-8", ended(lines));
    },
  );
  server.get<{ Querystring: z.infer<typeof eventQuery> }>(
    "/events",
    { schema: { querystring: eventQuery, response: { 200: clusterEvent } } },
    async (request, reply) => {
      const streaming = request.headers.accept?.includes("text/event-stream") === true;
      const resumed = Number(request.headers["last-event-id"] ?? request.query.after);
      const follow = streaming || request.query.follow === "true";
      const after = Number.isSafeInteger(resumed) && resumed >= 0 ? resumed : 0;
      const events = control.events(after, follow, whenGone(reply));
      if (streaming) return serverSentEvents(reply, events);
      return streamed(reply, "application/x-ndjson", ndjson(events));
    },
  );
  server.post("/down", async (_request, reply) =>
    streamed(reply, "application/x-ndjson", ndjson(control.down())),
  );
}

/** The body stays bytes: the source's own texts answer whatever is wrong with it. */
function loadBalancerRoutes(control: Control): FastifyPluginAsync {
  return async (server) => {
    server.removeAllContentTypeParsers();
    const bodyLimit = payloadBytesMax + 1;
    server.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit },
      async (_: unknown, body: Buffer) => body,
    );
    const options = { schema: { params: serviceParams } };
    type Call = { Params: { service: string }; Body: Uint8Array | undefined };
    const none = new Uint8Array();
    server.get<Call>("/services/:service/rep", options, async (request, reply) =>
      sendAnswer(reply, control.replicas(request.params.service)),
    );
    server.post<Call>("/services/:service/add", options, async (request, reply) =>
      sendAnswer(reply, await control.add(request.params.service, request.body ?? none)),
    );
    server.delete<Call>("/services/:service/rm", options, async (request, reply) =>
      sendAnswer(reply, await control.remove(request.params.service, request.body ?? none)),
    );
  };
}

function sendAnswer(reply: FastifyReply, answer: LoadBalancerAnswer): FastifyReply {
  return reply.code(answer.status).type("application/json").send(answer.body);
}

/** Aborts when the client has gone away, so that no stream is fed for nobody. */
function whenGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => controller.abort());
  return controller.signal;
}

async function* ended(lines: AsyncIterable<string>): AsyncIterable<string> {
  for await (const line of lines) yield `${line}\n`;
}
