import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { InMemoryEventStore } from "@modelcontextprotocol/sdk/examples/shared/inMemoryEventStore.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer as ModernServer } from "@modelcontextprotocol/server";
import { afterEach, expect, test } from "vitest";
import { eventually, runtime } from "./harness.ts";
import {
  accept,
  next,
  nextQuestion,
  openTransport,
  shownLink,
  shownNotification,
  stepsOf,
  wishFor,
} from "./http-harness.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Official {
  readonly url: string;
  readonly servers: readonly McpServer[];
  readonly transports: readonly StreamableHTTPServerTransport[];
  readonly followed: readonly string[];
}

async function startOfficial(resumable = false): Promise<Official> {
  const servers: McpServer[] = [];
  const followed: string[] = [];
  const transports = new Map<string, StreamableHTTPServerTransport>();

  function createOne(): McpServer {
    const capabilities = { logging: {}, resources: { subscribe: true } };
    const one = new McpServer({ name: "old", version: "1" }, { capabilities });
    const { server } = one;
    server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
      followed.push(`+${params.uri}`);
      return {};
    });
    server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
      followed.push(`-${params.uri}`);
      return {};
    });
    const params = {
      message: "Who?",
      requestedSchema: { type: "object", properties: { name: { type: "string" } } },
    } as const;
    one.registerTool("ask-here", {}, async ({ requestId }) => {
      const { action, content } = await server.elicitInput(params, { relatedRequestId: requestId });
      return { content: [{ type: "text", text: `${action} ${String(content?.name)}` }] };
    });
    one.registerTool("ask-beside", {}, async () => {
      await server.sendLoggingMessage({ level: "info", data: "asking" });
      const { action, content } = await server.elicitInput(params);
      return { content: [{ type: "text", text: `${action} ${String(content?.name)}` }] };
    });
    one.registerTool("go-away", {}, async ({ closeSSEStream }) => {
      closeSSEStream?.();
      // The SDK's store orders events of one millisecond by chance.
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { content: [{ type: "text", text: "back" }] };
    });
    servers.push(one);
    return one;
  }

  const server = createServer(async (incoming, response) => {
    const id = incoming.headers["mcp-session-id"];
    const known = typeof id === "string" ? transports.get(id) : undefined;
    if (known !== undefined) return known.handleRequest(incoming, response);
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
    if (body.method !== "initialize") return void response.writeHead(400).end();
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => void transports.set(session, transport),
      ...(resumable ? { eventStore: new InMemoryEventStore(), retryInterval: 100 } : {}),
    });
    await createOne().connect(transport as Parameters<McpServer["connect"]>[0]);
    await transport.handleRequest(incoming, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/mcp`;
  return {
    url,
    servers,
    followed,
    get transports() {
      return [...transports.values()];
    },
  };
}

test.each(["ask-here", "ask-beside"])(
  "the official legacy server's tool %s asks its client and gets the answer",
  async (name) => {
    const { url } = await startOfficial();
    const transport = openTransport(url);
    closers.unshift(transport.close);
    const link = await transport.link();
    const call = transport.call("tools/call", `{"name":"${name}"}`, { logLevel: "info" });
    const steps = stepsOf(await link.exchange(call, new AbortController().signal));
    if (name === "ask-beside") {
      expect(shownLink(await next(steps))).toContain('"data":"asking"');
    }
    await accept(await nextQuestion(steps), '{"name":"Ada"}');
    expect(shownLink(await next(steps))).toBe('{"content":[{"type":"text","text":"accept Ada"}]}');
  },
);

test("the official legacy server tells its listeners of changes, and of the resources they follow", async () => {
  const { url, servers, followed } = await startOfficial();
  const transport = openTransport(url);
  closers.unshift(transport.close);
  const link = await transport.link("{}");
  const gone = new AbortController();
  const changes = await link.listen(wishFor(["a:1"], "tools"), gone.signal);
  if ("kind" in changes) throw new Error(changes.code);
  expect(followed).toEqual(["+a:1"]);
  servers[0]!.sendToolListChanged();
  await servers[0]!.server.sendResourceUpdated({ uri: "a:1" });
  const heard: string[] = [];
  for await (const change of changes) {
    if (heard.push(shownNotification(change)) === 2) break;
  }
  expect(heard).toEqual([
    "notifications/tools/list_changed",
    'notifications/resources/updated {"uri":"a:1"}',
  ]);
  await eventually(() => followed.includes("-a:1"));
});

test("a call whose stream the official legacy server closes goes on where it was", async () => {
  const { url } = await startOfficial(true);
  const transport = openTransport(url);
  closers.unshift(transport.close);
  const link = await transport.link("{}");
  const call = transport.call("tools/call", '{"name":"go-away"}');
  const steps = stepsOf(await link.exchange(call, new AbortController().signal));
  expect(shownLink(await next(steps))).toBe('{"content":[{"type":"text","text":"back"}]}');
});

test("the official modern server tells its listeners of changes", async () => {
  const handler = createMcpHandler(
    () => {
      const capabilities = { tools: { listChanged: true }, resources: { subscribe: true } };
      const server = new ModernServer({ name: "new", version: "1" }, { capabilities });
      server.registerTool("t", {}, async () => ({ content: [] }));
      return server;
    },
    { legacy: "reject" },
  );
  const egress = {
    ...runtime.egress,
    request: async ({
      url,
      method,
      headers,
      body,
      signal,
    }: Parameters<typeof runtime.egress.request>[0]) => {
      const own = new AbortController();
      signal.addEventListener("abort", () => own.abort());
      const init = { method, headers, signal: own.signal, ...(body === undefined ? {} : { body }) };
      const response = await handler.fetch(new Request(url, init));
      return {
        status: response.status,
        headers: response.headers,
        body: response.body as AsyncIterable<Uint8Array>,
        read: async () => new Uint8Array(await response.arrayBuffer()),
        cancel: () => own.abort(),
      };
    },
  };
  closers.push(() => handler.close());
  const transport = openTransport("http://localhost/mcp", { egress });
  closers.unshift(transport.close);
  const link = await transport.link("{}");
  expect(link.era).toBe("modern");
  const gone = new AbortController();
  const changes = await link.listen(wishFor(["a:1"], "tools"), gone.signal);
  if ("kind" in changes) throw new Error(changes.why);
  handler.notify.toolsChanged();
  handler.notify.resourceUpdated("a:1");
  const heard: string[] = [];
  for await (const change of changes) {
    if (heard.push(shownNotification(change)) === 2) break;
  }
  expect(heard[0]).toContain("notifications/tools/list_changed");
  expect(heard[1]).toContain('"uri":"a:1"');
  expect(heard.join()).not.toContain("subscriptionId");
});
