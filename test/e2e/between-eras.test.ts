import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as LegacyClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as LegacyTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  CreateMessageRequestSchema,
  ListRootsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BusyServer, severities, startBusyServer } from "./busy-server.ts";
import { type EventStream, type StreamMessage, openEvents, openSession } from "./events.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  runGateway,
  tokenA,
} from "./gateway.ts";

const eras = ["modern", "legacy"] as const;
type Era = (typeof eras)[number];

let servers: Record<Era, BusyServer>;
let gateway: RunningGateway;

beforeAll(async () => {
  const [modern, legacy] = await Promise.all([
    startBusyServer("modern"),
    startBusyServer("legacy"),
  ]);
  servers = { modern, legacy };
  gateway = await runGateway({
    upstreams: { modern: { url: modern.url }, legacy: { url: legacy.url } },
    clients: {
      a: {
        auth: authA,
        allow: { ...allowAll, input: ["sampling", "roots"] },
        rate: { burst: 10_000, perSecond: 1_000 },
      },
    },
  });
});
afterAll(async () => {
  await gateway.close();
  await Promise.all(Object.values(servers).map(({ close }) => close()));
});

type Meta = Record<string, unknown>;
/** Sends requests as a client of one era. */
type Send = (method: string, params: object, meta?: Meta) => Promise<EventStream>;

const clients: Record<Era, () => Promise<Send>> = {
  modern: async () => (method, params, meta) => {
    const request = modernRequest(method, { ...params }, { meta: meta ?? {} });
    return openEvents(`${gateway.url}/mcp`, { method: "POST", ...request });
  },
  legacy: async () => {
    const session = await openSession(gateway.url);
    return (method, params, meta) =>
      session.stream(method, meta ? { ...params, _meta: meta } : params);
  },
};
const messagesOf = async (stream: EventStream): Promise<readonly StreamMessage[]> =>
  stream.response.headers.get("content-type") === "text/event-stream"
    ? (await stream.rest()).map(({ message }) => message)
    : [(await stream.response.json()) as StreamMessage];

const pairs = eras.flatMap((client) => eras.map((server) => [client, server] as const));

describe.each(pairs)("a %s client and a %s server", (client, server) => {
  test.each(["a-token", 42, 0, ""])(
    "keep the progress token %j as it is",
    async (progressToken) => {
      const send = await clients[client]();
      const run = `${client}-${server}-${JSON.stringify(progressToken)}`;
      servers[server].release(run);
      const { tokens } = servers[server];
      tokens.length = 0;
      const call = { name: `${server}__steps`, arguments: { run } };
      const messages = await messagesOf(await send("tools/call", call, { progressToken }));
      const told = messages
        .slice(0, -1)
        .map(({ params }) => [params?.progressToken, params?.["progress"]]);
      expect(told).toEqual([1, 2, 3].map((progress) => [progressToken, progress]));
      expect(tokens.map((each) => typeof each)).toEqual([typeof progressToken]);
    },
  );

  test("complete an argument", async () => {
    const send = await clients[client]();
    const params = {
      ref: { type: "ref/prompt", name: `${server}__city` },
      argument: { name: "name", value: "par" },
    };
    const [message] = await messagesOf(await send("completion/complete", params));
    expect(message?.result?.["completion"]).toMatchObject({ values: ["paris", "parma"] });
  });

  test("ask for sampling with tools, and for roots", async () => {
    const asked: unknown[] = [];
    const { call, close } = await askable[client](asked);
    const text = await call(`${server}__ask`);
    expect(asked).toEqual(["look", "roots"]);
    expect(Object.values(JSON.parse(text) as object)).toMatchObject([
      { role: "assistant", content: { type: "text", text: "A lake" } },
      { roots: [{ uri: "file:///home" }] },
    ]);
    await close();
  });
});

interface Askable {
  readonly call: (name: string) => Promise<string>;
  readonly close: () => Promise<void>;
}
const lake = {
  role: "assistant" as const,
  model: "m",
  content: { type: "text" as const, text: "A lake" },
};
const home = { roots: [{ uri: "file:///home" }] };
const capabilities = { sampling: { tools: {} }, roots: {} };
const info = { name: "test", version: "1" };
const way = () => ({ requestInit: { headers: { authorization: `Bearer ${tokenA}` } } });
const endpoint = () => new URL(`${gateway.url}/mcp`);

/** Official clients that can be asked. */
const askable: Record<Era, (asked: unknown[]) => Promise<Askable>> = {
  modern: async (asked) => {
    const client = new Client(info, { capabilities, versionNegotiation: { mode: "auto" } });
    client.setRequestHandler("sampling/createMessage", ({ params }) => {
      asked.push(params.tools?.[0]?.name);
      return lake;
    });
    client.setRequestHandler("roots/list", () => {
      asked.push("roots");
      return home;
    });
    await client.connect(new StreamableHTTPClientTransport(endpoint(), way()));
    return toAskable(client);
  },
  legacy: async (asked) => {
    const client = new LegacyClient(info, { capabilities });
    client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => {
      asked.push(params.tools?.[0]?.name);
      return lake;
    });
    client.setRequestHandler(ListRootsRequestSchema, () => {
      asked.push("roots");
      return home;
    });
    await client.connect(new LegacyTransport(endpoint(), way()) as never);
    return toAskable(client);
  },
};

function toAskable(client: Client | LegacyClient): Askable {
  return {
    call: async (name) => {
      const result = (await client.callTool({ name, arguments: {} })) as {
        content: { text?: string }[];
      };
      return result.content[0]?.text ?? "";
    },
    close: () => client.close(),
  };
}

describe.each(eras)("a legacy client and a server of the %s era", (era) => {
  const call = { name: `${era}__log`, arguments: {} };
  const levels = (messages: readonly StreamMessage[]) =>
    messages.flatMap(({ method, params }) =>
      method === "notifications/message" ? [params?.level] : [],
    );

  test.each(severities)("log from the level %s on, once that is set", async (level) => {
    const session = await openSession(gateway.url);
    expect((await session.send("logging/setLevel", { level })).last.result).toEqual({});
    const { messages } = await session.send("tools/call", call);
    expect(levels(messages)).toEqual(severities.slice(severities.indexOf(level)));
  });

  test("log for each session what that asked for", async () => {
    const [loud, quiet] = [await openSession(gateway.url), await openSession(gateway.url)];
    await loud.send("logging/setLevel", { level: "debug" });
    await quiet.send("logging/setLevel", { level: "error" });
    const answers = await Promise.all([loud, quiet].map((each) => each.send("tools/call", call)));
    expect(answers.map(({ messages }) => levels(messages))).toEqual([severities, ["error"]]);
  });

  test("give a call up that its client cancels", async () => {
    const session = await openSession(gateway.url);
    const { waits } = servers[era];
    const before = { ...waits };
    const recorded = (await gateway.records()).length;
    const answer = session.send("tools/call", { name: `${era}__wait`, arguments: {} }, "w-1");
    await vi.waitFor(() => expect(waits.open).toBe(before.open + 1));
    // The id of no call gives none up.
    await session.send("notifications/cancelled", { requestId: "w-2" }, null);
    await session.send("notifications/cancelled", { requestId: "w-1" }, null);
    await vi.waitFor(() => expect(waits.aborted).toBe(before.aborted + 1));
    await answer;
    await vi.waitFor(async () => {
      const calls = (await gateway.records())
        .slice(recorded)
        .filter(({ method }) => method === "tools/call");
      expect(calls).toMatchObject([{ target: "wait", decision: "cancelled" }]);
    });
  });
});

test.each(eras)("a modern client that leaves gives its call up at a %s server", async (era) => {
  const { waits } = servers[era];
  const before = { ...waits };
  const request = modernRequest("tools/call", { name: `${era}__wait`, arguments: {} });
  const leaving = new AbortController();
  const answer = fetch(`${gateway.url}/mcp`, {
    method: "POST",
    headers: { ...request.headers, authorization: `Bearer ${tokenA}` },
    body: request.body,
    signal: leaving.signal,
  }).catch((error: unknown) => (error as Error).name);
  await vi.waitFor(() => expect(waits.open).toBe(before.open + 1));
  leaving.abort();
  expect(await answer).toBe("AbortError");
  await vi.waitFor(() => expect(waits.aborted).toBe(before.aborted + 1));
});

test.each(["loud", "", 3, null, undefined])("logging/setLevel refuses %j", async (level) => {
  const session = await openSession(gateway.url);
  const { last } = await session.send("logging/setLevel", { level });
  expect(last.error?.code).toBe(-32602);
});

test("ping is answered in a session, and unknown in the modern era", async () => {
  const session = await openSession(gateway.url);
  expect((await session.send("ping")).last.result).toEqual({});
  const request = modernRequest("ping");
  const { response } = await openEvents(`${gateway.url}/mcp`, { method: "POST", ...request });
  expect(response.status).toBe(404);
});
