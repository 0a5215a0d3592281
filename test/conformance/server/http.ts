/** Serves the test server over streamable HTTP, in one era or in both. */
import { randomUUID } from "node:crypto";
import {
  WebStandardStreamableHTTPServerTransport,
  createMcpHandler,
  hostHeaderValidationResponse,
  isInitializeRequest,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  originValidationResponse,
} from "@modelcontextprotocol/server";
import { type Changes, createChanges } from "./changes.ts";
import { createTestServer } from "./create.ts";
import { createEventLog } from "./event-log.ts";

/** The eras that the server speaks. */
export type Eras = "both" | "legacy" | "modern";

const retryMs = 200;

export function createFetch(eras: Eras): (request: Request) => Promise<Response> {
  const changes = createChanges();
  const modern = createMcpHandler(() => createTestServer(changes, false), { legacy: "reject" });
  changes.follow((kind) =>
    kind === "tools" ? modern.notify.toolsChanged() : modern.notify.promptsChanged(),
  );
  const legacy = createLegacyFetch(changes);
  return async (request) => {
    const foreign =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins());
    if (foreign) return foreign;
    if (eras === "modern") return modern.fetch(request);
    if (eras === "legacy" || (await isLegacyRequest(request))) return legacy(request);
    return modern.fetch(request);
  };
}

/** One transport and one instance of the server for each session. */
function createLegacyFetch(changes: Changes): (request: Request) => Promise<Response> {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (request) => {
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      return sessions.get(id)?.handleRequest(request) ?? refusal(404, -32_001, "Session not found");
    }
    if (request.method !== "POST") return refusal(400, -32_000, "Session id is required");
    const body = (await request.json()) as unknown;
    if (!isInitializeRequest(body)) return refusal(400, -32_000, "Server not initialized");
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
      onsessionclosed: (session) => void sessions.delete(session),
      eventStore: createEventLog(),
      retryInterval: retryMs,
    });
    await createTestServer(changes, true).connect(transport);
    return transport.handleRequest(request, { parsedBody: body });
  };
}

const refusal = (status: number, code: number, message: string): Response =>
  Response.json({ jsonrpc: "2.0", id: null, error: { code, message } }, { status });
