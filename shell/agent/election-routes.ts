/**
 * The calls about elected services. Two of them are for electors, which have a token that opens
 * nothing else; an elector learns of a death by the stream, and says who leads.
 */
import {
  acceptedLeader,
  type ElectionEvent,
  electionStatus,
  leaderAnnouncement,
  resignRequest,
} from "@prunella/wire/election";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { ElectionControl } from "./election-control.ts";

const params = z.object({ service: z.string() });
const heartbeatMs = 10_000;
/** A reader that lets this much wait is cut off: it comes again, and gets the newest members. */
const bufferedBytesMax = 256 * 1024;

declare module "fastify" {
  interface FastifyContextConfig {
    /** The token of the service that the path names opens this route as well. */
    readonly forElectors?: boolean;
  }
}

type Call<Body = unknown> = { readonly Params: { readonly service: string }; readonly Body: Body };

export function electionRoutes(server: FastifyInstance, election: ElectionControl): void {
  server.get<Call>(
    "/services/:service/election",
    { schema: { params, response: { 200: electionStatus } } },
    async (request) => election.status(request.params.service),
  );
  server.post<Call<z.infer<typeof resignRequest>>>(
    "/services/:service/election/resign",
    { schema: { params, body: resignRequest, response: { 200: electionStatus } } },
    async (request) => election.resign(request.params.service, request.body.to),
  );
  server.post<Call<z.infer<typeof leaderAnnouncement>>>(
    "/services/:service/election/leader",
    {
      schema: { params, body: leaderAnnouncement, response: { 200: acceptedLeader } },
      config: { forElectors: true },
    },
    async (request) => election.announce(request.params.service, request.body),
  );
  server.get<Call>(
    "/services/:service/election/stream",
    { schema: { params }, config: { forElectors: true } },
    async (request, reply) => stream(reply, election, request.params.service),
  );
}

/** Writes each event in the turn in which it happens: between a death and an election nothing waits. */
function stream(reply: FastifyReply, election: ElectionControl, service: string): void {
  const { raw } = reply;
  const waiting: string[] = [];
  let isOpen = false;
  const write = (text: string): void => {
    if (!isOpen) return void waiting.push(text);
    raw.write(text);
    if (raw.writableLength > bufferedBytesMax) raw.destroy();
  };
  // Refused before the head is sent, so that the refusal is an answer.
  const unsubscribe = election.subscribe(service, (event) => write(eventText(event)));
  reply.hijack();
  raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  isOpen = true;
  raw.socket?.setNoDelay(true);
  raw.write(waiting.join(""));
  const heartbeat = setInterval(() => write(": still here\n\n"), heartbeatMs);
  raw.once("close", () => {
    clearInterval(heartbeat);
    unsubscribe();
  });
}

function eventText(event: ElectionEvent): string {
  const data = event.type === "members" ? event.members : event.exit;
  return `event: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
