/** The admin door: a Hono application that answers nobody without the credential of an operator. */
import { Hono } from "hono";
import type { Context } from "hono";
import { type Body, type Deny, type Operations, type Operator, deny } from "../core/index.ts";
import type { HeaderView } from "../mcp/index.ts";
import { toRefusedResponse } from "./admin-answer.ts";
import { readAdminBody } from "./admin-body.ts";
import { type AdminCall, attempt, conclude } from "./admin-conclude.ts";
import {
  type AdminEndpoint,
  type AdminPlace,
  type Task,
  createAdminPlaces,
} from "./admin-endpoints.ts";
import { type GuardSettings, guardAdmin } from "./admin-guard.ts";
import { type AppOptions, newId } from "./app.ts";
import { toRawPath } from "./arrival.ts";
import { toBody } from "./web-body.ts";

export interface AdminOptions
  extends GuardSettings, Pick<AppOptions, "peer" | "connection" | "address" | "ports"> {}

/**
 * Serves `/readyz`, `/metrics`, `/blocks`, `/approvals`, `/policy/explain` and `/reload`. A request is
 * refused for its path, its method, its Host and its origin, then for who sent it, then for what they
 * may do, then for its body. Nothing is done before there is room for its record, and nothing is
 * answered before that is written. The credential is the `Authorization` header alone, which no page
 * can make a browser send.
 */
export function createAdminApp(operations: Operations, options: AdminOptions): Hono {
  const app = new Hono();
  const placeOf = createAdminPlaces(operations);
  app.all("*", (context) => answer(operations, options, placeOf, toCall(options, context)));
  return app;
}

/** A call with what of it has not been read yet. */
interface OpenCall extends AdminCall {
  readonly request: Request;
  readonly headers: HeaderView;
  readonly body: Body;
}

function toCall(options: AdminOptions, context: Context): OpenCall {
  const { clock } = options.ports;
  const request = context.req.raw;
  const connection = options.connection(context);
  const headers = connection?.headers ?? request.headers;
  return {
    id: newId(options),
    request,
    headers,
    body: connection?.body ?? toBody(() => request.body),
    address: options.address(options.peer(context), headers.get("x-forwarded-for")),
    time: clock.now(),
    startedAt: clock.elapsed(),
  };
}

async function answer(
  operations: Operations,
  options: AdminOptions,
  placeOf: ReturnType<typeof createAdminPlaces>,
  call: OpenCall,
): Promise<Response> {
  const { id: requestId, request, headers, address } = call;
  const refuse = (refusal: Deny): Response => {
    operations.refused(refusal.recorded, address);
    return toRefusedResponse(refusal, { requestId, tellsWhy: false });
  };
  const endpoint = find(placeOf(toRawPath(request.url), queryOf(request.url)), request.method);
  if ("verdict" in endpoint) return refuse(endpoint);
  const guarded = guardAdmin(request, headers, options);
  if (guarded !== undefined) return refuse(guarded);
  const authorization = headers.get("authorization");
  const operator = await attempt(call, options.ports, () =>
    operations.authenticate(authorization, address),
  );
  if ("verdict" in operator) return refuse(operator);
  const task = await attempt(call, options.ports, () => plan(endpoint, operator, call, options));
  return conclude(operations, options.ports, call, { endpoint, operator, task });
}

function find(place: AdminPlace | undefined, method: string): AdminEndpoint | Deny {
  if (place === undefined) return deny("PATH_UNKNOWN", "The path is no endpoint");
  const allow = [...place.keys()].join(", ");
  const unsupported = { headers: { allow } };
  return (
    place.get(method) ??
    deny("HTTP_METHOD_UNSUPPORTED", "The endpoint has no such method", unsupported)
  );
}

/** From the question mark on; empty where there is none. */
function queryOf(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start).replace(/#.*/s, "");
}

async function plan(
  { right, plan: toTask }: AdminEndpoint,
  operator: Operator,
  { request, headers, body: sent }: OpenCall,
  { ports }: AdminOptions,
): Promise<Task | Deny> {
  if (!operator.can.has(right)) {
    return deny("RIGHT_MISSING", `The operator "${operator.name}" lacks the right "${right}"`);
  }
  const body =
    request.method === "GET" ? undefined : await readAdminBody(sent, headers, ports.clock);
  if (body !== undefined && "verdict" in body) return body;
  return toTask({ body, operator, now: ports.clock.now() });
}
