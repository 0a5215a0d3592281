/** A server of the official SDK in one era, whose tools take their time and say what they do. */
import {
  McpServer,
  type ServerContext,
  WebStandardStreamableHTTPServerTransport,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  inputResponse,
} from "@modelcontextprotocol/server";
import { randomUUID } from "node:crypto";
import { type Fetch, listen } from "./changing-server.ts";

export interface BusyServer {
  readonly url: string;
  /** Lets the tool `steps` of one run go on behind its first word. */
  readonly release: (run: string) => void;
  /** The progress tokens that came with calls of `steps`, as the server saw them. */
  readonly tokens: unknown[];
  /** How many calls of `wait` are under way, and how many of them were given up. */
  readonly waits: { readonly open: number; readonly aborted: number };
  readonly close: () => Promise<void>;
}

export const severities = ["debug", "info", "warning", "error"] as const;
const textOf = (text: string) => ({ content: [{ type: "text" as const, text }] });
const argument = <Name extends string>(name: Name) =>
  fromJsonSchema<Readonly<Record<Name, string>>>({
    type: "object",
    properties: { [name]: { type: "string" } },
    required: [name],
  });

export async function startBusyServer(era: "modern" | "legacy"): Promise<BusyServer> {
  const gates = new Map<string, Gate>();
  const tokens: unknown[] = [];
  const waits = { open: 0, aborted: 0 };
  const gateOf = (run: string): Gate => {
    const gate = gates.get(run) ?? createGate();
    gates.set(run, gate);
    return gate;
  };

  const create = (): McpServer => {
    const server = new McpServer(
      { name: "busy", version: "1" },
      { capabilities: { tools: {}, prompts: {}, logging: {}, completions: {} } },
    );
    const steps = { description: "Takes three steps", inputSchema: argument<"run">("run") };
    server.registerTool("steps", steps, async ({ run }, context) => {
      tokens.push(context.mcpReq._meta?.progressToken);
      for (const progress of [1, 2, 3]) {
        await report(context, progress);
        if (progress === 1) await gateOf(run).promise;
      }
      return textOf(`done with ${run}`);
    });
    server.registerTool("log", { description: "Logs at each level" }, async (context) => {
      for (const level of severities) await context.mcpReq.log(level, `a word of ${level}`);
      return textOf("logged");
    });
    server.registerTool("wait", { description: "Waits until it is given up" }, (context) => {
      const { signal } = context.mcpReq;
      waits.open++;
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          waits.aborted++;
          resolve(textOf("given up"));
        });
      });
    });
    server.registerTool("ask", { description: "Asks the client's model" }, (context) => {
      const { inputResponses } = context.mcpReq;
      const asked = ["model", "roots"].every(
        (key) => inputResponse(inputResponses, key).kind !== "missing",
      );
      if (asked) return textOf(JSON.stringify(inputResponses));
      const tool = { name: "look", inputSchema: { type: "object" as const } };
      return inputRequired({
        inputRequests: {
          model: inputRequired.createMessage({
            messages: [{ role: "user", content: { type: "text", text: "What is there?" } }],
            maxTokens: 10,
            tools: [tool],
            toolChoice: { mode: "auto" },
          }),
          roots: inputRequired.listRoots(),
        },
      });
    });
    server.registerPrompt(
      "city",
      { description: "Is about a city", argsSchema: argument<"name">("name") },
      ({ name }) => ({ messages: [{ role: "user", content: { type: "text", text: name } }] }),
    );
    server.server.setRequestHandler("completion/complete", ({ params }) => ({
      completion: {
        values: ["paris", "parma"].filter((each) => each.startsWith(params.argument.value)),
      },
    }));
    return server;
  };

  const { url, close } = await listen(era === "modern" ? modern(create) : legacy(create));
  return { url, tokens, waits, close, release: (run) => gateOf(run).resolve() };
}

function modern(create: () => McpServer): Fetch {
  const handler = createMcpHandler(create, { legacy: "reject" });
  return (request) => handler.fetch(request);
}

function legacy(create: () => McpServer): Fetch {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();
  return async (request) => {
    const id = request.headers.get("mcp-session-id");
    if (id !== null) {
      const gone = new Response("gone", { status: 404 });
      return sessions.get(id)?.handleRequest(request) ?? gone;
    }
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void sessions.set(session, transport),
    });
    await create().connect(transport);
    return transport.handleRequest(request);
  };
}

async function report(context: ServerContext, progress: number): Promise<void> {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 3 };
  await context.mcpReq.notify({ method: "notifications/progress", params });
}

interface Gate {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}
function createGate(): Gate {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((yes) => {
    resolve = yes;
  });
  return { promise, resolve: () => resolve() };
}
