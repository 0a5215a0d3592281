/** Servers of the official SDKs, one of each era, whose lists and resources change on request. */
import { serve } from "@hono/node-server";
import { McpServer as LegacyServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport as LegacyTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { InMemoryServerEventBus, Server, createMcpHandler } from "@modelcontextprotocol/server";
import { randomUUID } from "node:crypto";

export type Fetch = (request: Request) => Promise<Response>;
export interface Listening {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** `port` is free where it is 0. */
export function listen(fetch: Fetch, port = 0): Promise<Listening> {
  return new Promise((resolve) => {
    const server = serve(
      { fetch, port, hostname: "127.0.0.1", overrideGlobalObjects: false },
      (info) => {
        const close = (): Promise<void> =>
          new Promise((closed) => {
            server.close(() => closed());
            (server as unknown as { closeAllConnections: () => void }).closeAllConnections();
          });
        resolve({ url: `http://127.0.0.1:${info.port}/mcp`, port: info.port, close });
      },
    );
  });
}

export interface ChangingServer {
  readonly url: string;
  readonly tools: Set<string>;
  readonly resources: Set<string>;
  /** Says that a list has changed. */
  readonly changed: (list: "tools" | "resources") => void;
  /** Says that a resource has changed, to whoever the SDK thinks may hear of it. */
  readonly updated: (uri: string) => void;
  /** What is followed: streams that are open for changes, or resources that are subscribed to. */
  readonly followers: () => number;
  readonly stop: () => Promise<void>;
  /** On the port that it had. */
  readonly start: () => Promise<void>;
}

interface Program extends Omit<ChangingServer, "url" | "stop" | "start"> {
  readonly fetch: Fetch;
  /** Forgets all clients, as a process that dies does. */
  readonly forget: () => void;
}

export async function startChangingServer(era: "modern" | "legacy"): Promise<ChangingServer> {
  const program = era === "modern" ? modernProgram() : legacyProgram();
  let listening = await listen(program.fetch);
  const { url, port } = listening;
  return {
    ...program,
    url,
    stop: async () => {
      await listening.close();
      program.forget();
    },
    start: async () => {
      listening = await listen(program.fetch, port);
    },
  };
}

const inputSchema = { type: "object" as const };
const toItems = ({ tools, resources }: Offers) => ({
  tools: [...tools].map((name) => ({ name, inputSchema })),
  resources: [...resources].map((uri) => ({ uri, name: uri })),
});
interface Offers {
  readonly tools: Set<string>;
  readonly resources: Set<string>;
}

const capabilities = {
  tools: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
};

function modernProgram(): Program {
  const offers: Offers = { tools: new Set(["common"]), resources: new Set() };
  const bus = new InMemoryServerEventBus();
  const handler = createMcpHandler(
    () => {
      const server = new Server({ name: "changing", version: "1" }, { capabilities });
      server.setRequestHandler("tools/list", () => ({ tools: toItems(offers).tools }));
      server.setRequestHandler("resources/list", () => ({
        resources: toItems(offers).resources,
      }));
      return server;
    },
    { legacy: "reject", bus },
  );
  const { notify } = handler;
  return {
    ...offers,
    fetch: (request) => handler.fetch(request),
    changed: (list) => (list === "tools" ? notify.toolsChanged() : notify.resourcesChanged()),
    updated: (uri) => notify.resourceUpdated(uri),
    followers: () => bus.listenerCount,
    forget: () => undefined,
  };
}

function legacyProgram(): Program {
  const offers: Offers = { tools: new Set(["common"]), resources: new Set() };
  const followed = new Map<string, Set<string>>();
  const sessions = new Map<string, { transport: LegacyTransport; server: LegacyServer }>();
  const open = async (): Promise<LegacyTransport> => {
    const server = new LegacyServer({ name: "changing", version: "1" }, { capabilities });
    const transport = new LegacyTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void sessions.set(id, { transport, server }),
      onsessionclosed: (id) => {
        sessions.delete(id);
        followed.delete(id);
      },
    });
    const of = (id = ""): Set<string> => {
      const uris = followed.get(id) ?? new Set();
      followed.set(id, uris);
      return uris;
    };
    const inner = server.server;
    inner.setRequestHandler(ListToolsRequestSchema, () => ({ tools: toItems(offers).tools }));
    inner.setRequestHandler(ListResourcesRequestSchema, () => ({
      resources: toItems(offers).resources,
    }));
    inner.setRequestHandler(SubscribeRequestSchema, ({ params }, { sessionId }) => {
      of(sessionId).add(params.uri);
      return {};
    });
    inner.setRequestHandler(UnsubscribeRequestSchema, ({ params }, { sessionId }) => {
      of(sessionId).delete(params.uri);
      return {};
    });
    await server.connect(transport as never);
    return transport;
  };
  const all = (): LegacyServer[] => [...sessions.values()].map(({ server }) => server);
  return {
    ...offers,
    fetch: async (request) => {
      const id = request.headers.get("mcp-session-id");
      if (id === null) return (await open()).handleRequest(request);
      const known = sessions.get(id);
      return known?.transport.handleRequest(request) ?? new Response("gone", { status: 404 });
    },
    changed: (list) => {
      for (const { server } of all()) {
        void (list === "tools" ? server.sendToolListChanged() : server.sendResourceListChanged());
      }
    },
    updated: (uri) => {
      for (const { server } of all()) void server.sendResourceUpdated({ uri });
    },
    followers: () => [...followed.values()].reduce((sum, { size }) => sum + size, 0),
    forget: () => {
      sessions.clear();
      followed.clear();
    },
  };
}
