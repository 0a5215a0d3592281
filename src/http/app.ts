/** The public door: a Hono application around one gateway. */
import { Hono } from "hono";
import type { Context } from "hono";
import { toHex } from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";
import type { Body, Cancellation, Canceller, Code, Gateway, Ports, Reply } from "../core/index.ts";
import { toArrival, toRawPath } from "./arrival.ts";
import { toCorsHeaders, toPreflightHeaders } from "./cors.ts";
import { toEventBody } from "./event-body.ts";
import { toPlace } from "./paths.ts";
import { problemResponse } from "./problem-response.ts";

export interface AppOptions {
  /** The address of the socket's other end, as the host program knows it. */
  readonly peer: (context: Context) => string | undefined;
  /** What the listener knows better than the request; nothing where it is somebody else's. */
  readonly connection: (context: Context) => Connection | undefined;
  /** The caller's address after trusted proxies. */
  readonly address: (peer: string | undefined, forwardedFor: string | null) => string | undefined;
  readonly ports: Pick<Ports, "clock" | "crypto" | "log">;
  /** Hears of each request that the door refused itself. */
  readonly refused?: (refusal: DoorRefusal) => void;
}
export interface Connection {
  /** Aborted when the client has gone before its answer was complete. */
  readonly gone: Canceller;
  readonly body: Body;
  readonly headers: HeaderView;
}
export interface DoorRefusal {
  readonly id: string;
  readonly code: Code;
  readonly address: string | undefined;
}

const mcpMethods = new Set(["POST", "GET", "DELETE"]);

/**
 * Serves `/mcp`, `/mcp/{upstream}` and the health paths; refuses all else with problem details. One
 * handler for every path: a guard that is hung on routes guards what the router thinks they are.
 */
export function createApp(gateway: Gateway, options: AppOptions): Hono {
  const app = new Hono();
  app.all("*", (context) => answer(gateway, options, context));
  return app;
}

function answer(
  gateway: Gateway,
  options: AppOptions,
  context: Context,
): Response | Promise<Response> {
  const request = context.req.raw;
  const path = toRawPath(request.url);
  const refuse = (code: Code, headers: Readonly<Record<string, string>> = {}): Response => {
    const requestId = newId(options);
    const address = addressOf(options, context);
    options.refused?.({ id: requestId, code, address });
    return problemResponse(code, { requestId, headers });
  };
  switch (toPlace(path)) {
    case "live":
      return health(request, true, refuse);
    case "ready":
      return health(request, gateway.ready(), refuse);
    case "mcp":
      if (request.method === "OPTIONS") return preflight(request, gateway, refuse);
      if (mcpMethods.has(request.method)) return pass(gateway, options, context, path);
      return refuse("HTTP_METHOD_UNSUPPORTED", { allow: "POST, GET, DELETE, OPTIONS" });
    case "none":
      return refuse("PATH_UNKNOWN");
  }
}

type Refuse = (code: Code, headers?: Readonly<Record<string, string>>) => Response;

function health({ method }: Request, good: boolean, refuse: Refuse): Response {
  if (method !== "GET" && method !== "HEAD") {
    return refuse("HTTP_METHOD_UNSUPPORTED", { allow: "GET, HEAD" });
  }
  return new Response(method === "HEAD" ? null : good ? "ok" : "not ready", {
    status: good ? 200 : 503,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}

function preflight({ headers }: Request, gateway: Gateway, refuse: Refuse): Response {
  const allowed = toPreflightHeaders(headers, gateway.allOrigins);
  if (allowed === undefined) return refuse("ORIGIN_FORBIDDEN", { vary: "Origin" });
  return new Response(null, { status: 204, headers: allowed });
}

async function pass(
  gateway: Gateway,
  options: AppOptions,
  context: Context,
  path: string,
): Promise<Response> {
  const { clock, log } = options.ports;
  const request = context.req.raw;
  const id = newId(options);
  const connection = options.connection(context);
  const client = connection ? connected(connection) : followClient(request.signal);
  const sent = connection?.headers ?? request.headers;
  const cors = toCorsHeaders(sent.get("origin"), gateway.allOrigins);
  const failed = (error: unknown) => log.error("An exchange failed", { id, at: whereOf(error) });
  try {
    const reply = await gateway.handle(
      toArrival(request, {
        id,
        time: clock.now(),
        path,
        address: options.address(options.peer(context), sent.get("x-forwarded-for")),
        signal: client.signal,
        body: connection?.body,
        headers: sent,
      }),
    );
    const headers = toHeaders(reply, cors);
    if (reply.body === undefined || typeof reply.body === "string") {
      client.done();
      return new Response(reply.body ?? null, { status: reply.status, headers });
    }
    const body = toEventBody(reply.body, {
      clock,
      ended: client.done,
      cancelled: client.left,
      failed,
    });
    return new Response(body, { status: reply.status, headers });
  } catch (error) {
    client.done();
    failed(error);
    return problemResponse("INTERNAL", { requestId: id, headers: cors });
  }
}

/** A body that is no stream is JSON where the reply does not say otherwise. */
function toHeaders(reply: Reply, cors: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = { ...reply.headers, ...cors };
  headers["cache-control"] = "no-store";
  headers["x-content-type-options"] = "nosniff";
  if (typeof reply.body === "string") headers["content-type"] ??= "application/json";
  else if (reply.body !== undefined) {
    headers["content-type"] = "text/event-stream";
    headers["x-accel-buffering"] = "no";
  }
  return headers;
}

interface Client {
  /** Fires when the client has gone before its answer was complete. */
  readonly signal: Cancellation;
  readonly done: () => void;
  readonly left: () => void;
}

function connected({ gone }: Connection): Client {
  return { signal: gone.signal, done: () => undefined, left: () => gone.abort() };
}

/** A server may fire a request's own signal also after a good answer (Deno does). */
function followClient(signal: AbortSignal): Client {
  const controller = new AbortController();
  const left = () => controller.abort();
  if (signal.aborted) left();
  else signal.addEventListener("abort", left, { once: true });
  return {
    signal: controller.signal,
    done: () => signal.removeEventListener("abort", left),
    left,
  };
}

function addressOf({ peer, address }: AppOptions, context: Context): string | undefined {
  return address(peer(context), context.req.raw.headers.get("x-forwarded-for"));
}

/** 128 random bits, hexadecimal. */
export function newId({ ports }: Pick<AppOptions, "ports">): string {
  return toHex(ports.crypto.randomBytes(16));
}

/** The line that threw. A message may quote what a client sent, a place in the code cannot. */
export function whereOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frame = error.stack?.split("\n").find((line) => line.trimStart().startsWith("at "));
  return frame === undefined ? error.name : `${error.name} ${frame.trim()}`;
}
