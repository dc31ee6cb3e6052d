/**
 * The control API over HTTP: authentication, schemas, errors, and the OpenAPI document made of the
 * same schemas. The routes are in `control-routes.ts`.
 *
 * Every call needs the token, the OpenAPI document too; a call without it learns nothing and
 * changes nothing. Listens on loopback only.
 */
import swagger from "@fastify/swagger";
import { ClusterError, type ErrorCode, errorCodes } from "@prunella/core/kernel";
import { failure } from "@prunella/wire/control";
import { isAuthorized } from "@prunella/wire/token";
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from "fastify";
import { z } from "zod";
import type { Control } from "./control.ts";
import { controlRoutes } from "./control-routes.ts";

const bodyBytesMax = 1024 * 1024;
const requestTimeoutMs = 30_000;

const statusOf: Partial<Record<ErrorCode, number>> = {
  TOKEN_REFUSED: 401,
  SERVICE_UNKNOWN: 404,
  INSTANCE_UNKNOWN: 404,
  TERM_CONFLICT: 409,
  LEADER_MISSING: 503,
  RUNTIME_UNAVAILABLE: 503,
  DISK_FULL: 507,
  NOT_CONVERGED: 504,
};

export type ControlServerOptions = {
  readonly control: Control;
  readonly token: string;
  /** True for the token of this elected service, which opens what its electors need. */
  readonly opens: (service: string, header: string | undefined) => boolean;
  readonly version: string;
  /** Told of failures that nobody foresaw. It may throw: then the process ends, as after any bug. */
  readonly onError: (error: Error) => void;
};

/** A server that is not listening yet. */
export async function controlServer(options: ControlServerOptions): Promise<FastifyInstance> {
  const server = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
  });
  server.setValidatorCompiler(({ schema }) => (value: unknown) => {
    const parsed = (schema as z.ZodType).safeParse(value);
    if (parsed.success) return { value: parsed.data };
    return {
      error: new ClusterError("REQUEST_INVALID", { message: z.prettifyError(parsed.error) }),
    };
  });
  server.setSerializerCompiler(() => (value: unknown) => JSON.stringify(value));
  server.addHook("onRequest", async (request) => {
    const { authorization } = request.headers;
    if (isAuthorized(authorization, options.token)) return;
    const { service } = (request.params ?? {}) as { readonly service?: string };
    const { forElectors } = request.routeOptions.config;
    if (forElectors === true && service !== undefined && options.opens(service, authorization))
      return;
    throw new ClusterError("TOKEN_REFUSED", {
      message:
        "This call needs the cluster token in the Authorization header. It is in the file `token` of the state folder.",
    });
  });
  server.setErrorHandler((error: FastifyError | ClusterError, _request, reply) =>
    sendFailure(reply, error, options.onError),
  );
  server.setNotFoundHandler((request, reply) => {
    const message = `There is no ${request.method} ${request.url}. GET /v1/openapi.json lists all calls.`;
    return sendFailure(
      reply,
      new ClusterError("REQUEST_INVALID", { message }),
      options.onError,
      404,
    );
  });
  await server.register(swagger, {
    openapi: { info: { title: "Prunella control API", version: options.version } },
    transform: ({ schema, url }) => ({ schema: asJsonSchemas(schema ?? {}), url }),
  });
  await server.register(controlRoutes(options.control), { prefix: "/v1" });
  await server.ready();
  return server;
}

function sendFailure(
  reply: FastifyReply,
  error: FastifyError | ClusterError,
  onError: (error: Error) => void,
  status?: number,
): FastifyReply {
  if (ClusterError.is(error)) {
    const { code, message, details } = error;
    return reply.code(status ?? statusOf[code] ?? 400).send({ error: { code, message, details } });
  }
  const known = "statusCode" in error ? (error.statusCode ?? 500) : 500;
  if (known < 500) {
    const body = { code: "REQUEST_INVALID", message: error.message, details: {} };
    return reply.code(known).send({ error: body });
  }
  onError(error);
  const { meaning } = errorCodes.UNEXPECTED;
  return reply.code(known).send({ error: { code: "UNEXPECTED", message: meaning, details: {} } });
}

/** Fastify keeps one zod schema per part of a request; OpenAPI wants JSON Schema. */
function asJsonSchemas(schema: object): object {
  const parts = Object.entries(schema).map(([part, value]) => {
    if (part === "response") {
      const answers = Object.entries(value as Record<string, z.ZodType>);
      const described = answers.map(([status, answer]) => [status, jsonSchema(answer)]);
      return [part, { ...Object.fromEntries(described), "4xx": jsonSchema(failure) }];
    }
    return [part, value instanceof z.ZodType ? jsonSchema(value) : value];
  });
  return Object.fromEntries(parts);
}

function jsonSchema(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}
