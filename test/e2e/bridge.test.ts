import { serve } from "@hono/node-server";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as LegacyServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport as LegacyServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  McpServer,
  acceptedContent,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  inputResponse,
} from "@modelcontextprotocol/server";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type RunningGateway,
  allowAll,
  authA,
  authB,
  runGateway,
  tokenA,
  tokenB,
} from "./gateway.ts";

/** What a table is booked with: asked for in two rounds. */
const rounds = ["name", "guests"] as const;
const formOf = (field: string) => ({
  type: "object" as const,
  properties: { [field]: { type: "string" as const } },
  required: [field],
});

/** A server of the modern era alone: each round is a retry of the call. */
function modernOnly(): (request: Request) => Promise<Response> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: "modern", version: "1" });
      const inputSchema = fromJsonSchema({ type: "object" });
      server.registerTool("book", { description: "Books a table", inputSchema }, (_, context) => {
        const { inputResponses, requestState } = context.mcpReq;
        const known = JSON.parse(requestState<string>() ?? "{}") as Record<string, string>;
        for (const field of rounds) {
          if (known[field] !== undefined) continue;
          const given = acceptedContent<Record<string, string>>(inputResponses, field);
          const answer = inputResponse(inputResponses, field);
          if (given === undefined && answer.kind !== "missing") {
            return { content: [{ type: "text", text: "nothing is booked" }] };
          }
          if (given === undefined) {
            const question = inputRequired.elicit({
              message: `Which ${field}?`,
              requestedSchema: formOf(field),
            });
            return inputRequired({
              inputRequests: { [field]: question },
              requestState: JSON.stringify(known),
            });
          }
          known[field] = given[field] ?? "";
        }
        return {
          content: [{ type: "text", text: `booked for ${known["name"]}, ${known["guests"]}` }],
        };
      });
      return server;
    },
    { legacy: "reject" },
  );
  return (request) => handler.fetch(request);
}

/** A server of the legacy era alone: it asks in the middle of the call, and waits. */
function legacyOnly(): (request: Request) => Promise<Response> {
  const sessions = new Map<string, LegacyServerTransport>();
  return async (request) => {
    const known = sessions.get(request.headers.get("mcp-session-id") ?? "");
    if (known !== undefined) return known.handleRequest(request);
    const transport = new LegacyServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    const server = new LegacyServer({ name: "legacy", version: "1" });
    server.registerTool("book", { description: "Books a table" }, async () => {
      const known: Record<string, unknown> = {};
      for (const field of rounds) {
        const answer = await server.server.elicitInput({
          message: `Which ${field}?`,
          requestedSchema: formOf(field),
        });
        if (answer.action !== "accept") {
          return { content: [{ type: "text", text: "nothing is booked" }] };
        }
        known[field] = answer.content?.[field];
      }
      return {
        content: [{ type: "text", text: `booked for ${known["name"]}, ${known["guests"]}` }],
      };
    });
    await server.connect(transport as never);
    return transport.handleRequest(request);
  };
}

interface Listening {
  readonly url: string;
  readonly close: () => void;
}
function listen(fetch: (request: Request) => Promise<Response>): Promise<Listening> {
  return new Promise((resolve) => {
    const server = serve(
      { fetch, port: 0, hostname: "127.0.0.1", overrideGlobalObjects: false },
      ({ port }) => {
        const close = (): void => {
          server.close();
          (server as unknown as { closeAllConnections: () => void }).closeAllConnections();
        };
        resolve({ url: `http://127.0.0.1:${port}/mcp`, close });
      },
    );
  });
}

let gateway: RunningGateway;
let servers: readonly Listening[];

beforeAll(async () => {
  servers = await Promise.all([listen(modernOnly()), listen(legacyOnly())]);
  const [modern, legacy] = servers.map(({ url }) => url);
  gateway = await runGateway({
    upstreams: { modern: { url: modern ?? "" }, legacy: { url: legacy ?? "" } },
    clients: {
      a: { auth: authA, allow: { ...allowAll, input: ["elicitation:form"] } },
      b: { auth: authB, allow: allowAll },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  for (const { close } of servers) close();
});

type Answer = { action: "accept"; content: Record<string, string> } | { action: "decline" };
/** What a person says to each question. */
type Person = (message: string) => Answer;
interface Caller {
  readonly book: (upstream: string) => Promise<{ text: string | undefined; asked: string[] }>;
}

async function modernCaller(person: Person, token = tokenA): Promise<Caller> {
  const asked: string[] = [];
  const client = new Client(
    { name: "test", version: "1" },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: "auto" } },
  );
  client.setRequestHandler("elicitation/create", ({ params }) => {
    asked.push(params.message);
    return person(params.message);
  });
  return connected(
    client,
    asked,
    (url, requestInit) => client.connect(new StreamableHTTPClientTransport(url, { requestInit })),
    token,
  );
}

async function legacyCaller(person: Person, token = tokenA): Promise<Caller> {
  const asked: string[] = [];
  const client = new LegacyClient(
    { name: "test", version: "1" },
    { capabilities: { elicitation: { form: {} } } },
  );
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return person(params.message);
  });
  return connected(
    client,
    asked,
    (url, requestInit) => client.connect(new LegacyClientTransport(url, { requestInit }) as never),
    token,
  );
}

async function connected(
  client: Client | LegacyClient,
  asked: string[],
  connect: (url: URL, init: RequestInit) => Promise<void>,
  token: string,
): Promise<Caller> {
  await connect(new URL(`${gateway.url}/mcp`), { headers: { authorization: `Bearer ${token}` } });
  return {
    book: async (upstream) => {
      const call = { name: `${upstream}__book`, arguments: {} };
      const result = (await client.callTool(call)) as { content: { text?: string }[] };
      return { text: result.content[0]?.text, asked };
    },
  };
}

const willing: Person = (message) => ({
  action: "accept",
  content: message.includes("name") ? { name: "Ada" } : { guests: "four" },
});
const hesitant: Person = (message) =>
  message.includes("name") ? { action: "accept", content: { name: "Ada" } } : { action: "decline" };

const pairs = [
  ["a modern client", "modern", modernCaller],
  ["a modern client", "legacy", modernCaller],
  ["a legacy client", "modern", legacyCaller],
  ["a legacy client", "legacy", legacyCaller],
] as const;

describe.each(pairs)("%s and a server of the %s era", (_, upstream, connect) => {
  test("come to an end over two questions", async () => {
    const caller = await connect(willing);
    expect(await caller.book(upstream)).toEqual({
      text: "booked for Ada, four",
      asked: ["Which name?", "Which guests?"],
    });
  });

  test("respect a person who declines", async () => {
    const caller = await connect(hesitant);
    expect((await caller.book(upstream)).text).toBe("nothing is booked");
  });

  test("have no dialogue that nobody granted", async () => {
    const caller = await connect(willing, tokenB);
    const outcome = await caller.book(upstream).then(
      ({ text, asked }) => ({ failed: text?.includes("booked for") !== true, asked }),
      () => ({ failed: true, asked: [] }),
    );
    expect(outcome).toEqual({ failed: true, asked: [] });
  });
});

test("an exchange leaves one record, however many rounds a legacy client takes", async () => {
  const caller = await legacyCaller(willing);
  const before = (await gateway.records()).length;
  await caller.book("modern");
  const calls = (await gateway.records())
    .slice(before)
    .filter((record) => record["method"] === "tools/call");
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatchObject({ decision: "allowed", target: "book", client: "a" });
});
