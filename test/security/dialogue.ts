/** Servers that ask their clients whatever a test says, and clients that see what reaches them. */
import type { ServerResponse } from "node:http";
import { post, modernRequest, tokenA } from "../e2e/gateway.ts";
import {
  type Answerer,
  type Asked,
  type FakeServer,
  result,
  sendJson,
  startEvents,
  startFake,
} from "../upstreams/fake-server.ts";

export type Json = Readonly<Record<string, unknown>>;

/** Waits until it holds; a test that waits in vain ends by its own limit. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("It never came to hold");
}

export interface AskingServer extends FakeServer {
  /** `params` of each `initialize`, or the capabilities of each modern call. */
  readonly told: readonly string[];
  /** Responses to what the server asked, as they came. */
  readonly answered: readonly (Json & { readonly id?: unknown })[];
  /** Calls of tools, as they came. */
  readonly calls: readonly Asked[];
  /** What `notifications/cancelled` named. */
  readonly cancelled: readonly unknown[];
  /** Sessions that are open. */
  readonly sessions: ReadonlySet<string>;
  /** Writes a message on the streams that sessions have open beside their calls. */
  readonly tell: (text: string) => void;
  readonly standing: () => number;
}

export type CallAct = (asked: Asked, response: ServerResponse, session: string) => void;

const cacheable = '"ttlMs":0,"cacheScope":"private"';
const listings: Readonly<Record<string, string>> = {
  "tools/list": `{"tools":[${["t", "u"].map((n) => `{"name":"${n}","inputSchema":{"type":"object"}}`).join(",")}],${cacheable}}`,
  "prompts/list": `{"prompts":[],${cacheable}}`,
  "resources/list": `{"resources":[{"uri":"a:b","name":"r"}],${cacheable}}`,
  "resources/templates/list": `{"resourceTemplates":[],${cacheable}}`,
  "resources/subscribe": "{}",
  "resources/unsubscribe": "{}",
  "logging/setLevel": "{}",
};

export const done = '{"content":[{"type":"text","text":"done"}]}';
export const event = (text: string): string => `data: ${text}\n\n`;

/** A server of the legacy era, which does this with a call. */
export async function startLegacy(act: CallAct, opens = true): Promise<AskingServer> {
  const told: string[] = [];
  const answered: Json[] = [];
  const calls: Asked[] = [];
  const cancelled: unknown[] = [];
  const sessions = new Set<string>();
  const streams = new Set<ServerResponse>();
  let count = 0;
  const answer: Answerer = (asked, response) => {
    const session = asked.headers["mcp-session-id"]?.toString() ?? "";
    if (asked.method === "server/discover") {
      return sendJson(response, '{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"}}', 400);
    }
    if (asked.method === "initialize") {
      told.push(asked.params);
      const id = `up-${++count}`;
      sessions.add(id);
      response.setHeader("mcp-session-id", id);
      const can = '{"tools":{},"resources":{"subscribe":true},"logging":{}}';
      const text = `{"protocolVersion":"2025-11-25","capabilities":${can},"serverInfo":{"name":"old","version":"1"}}`;
      return sendJson(response, result(asked.id, text));
    }
    if (asked.httpMethod === "DELETE") {
      sessions.delete(session);
      return void response.writeHead(200).end();
    }
    if (asked.httpMethod === "GET") {
      if (!opens) return void response.writeHead(405).end();
      startEvents(response);
      response.write(": open\n\n");
      streams.add(response);
      return void response.once("close", () => streams.delete(response));
    }
    if (asked.method === "") answered.push(JSON.parse(asked.body) as Json);
    if (asked.method === "notifications/cancelled") {
      cancelled.push((JSON.parse(asked.params) as Json)["requestId"]);
    }
    if (asked.id === 0 || asked.method === "") return void response.writeHead(202).end();
    const listing = listings[asked.method];
    if (listing !== undefined) return sendJson(response, result(asked.id, listing));
    calls.push(asked);
    act(asked, response, session);
  };
  const server = await startFake(answer);
  const tell = (text: string): void => {
    for (const stream of streams) stream.write(event(text));
  };
  const standing = (): number => streams.size;
  return { ...server, told, answered, calls, cancelled, sessions, tell, standing };
}

/** A server of the modern era, which does this with a call. */
export async function startModern(act: CallAct): Promise<AskingServer> {
  const told: string[] = [];
  const calls: Asked[] = [];
  const server = await startFake((asked, response) => {
    const meta = (JSON.parse(asked.body) as { params?: { _meta?: Json } }).params?._meta;
    if (asked.method === "server/discover") {
      const can = '{"tools":{"listChanged":true},"resources":{"subscribe":true},"prompts":{}}';
      const text = `{"supportedVersions":["2026-07-28"],"capabilities":${can},"resultType":"complete",${cacheable}}`;
      return sendJson(response, result(asked.id, text));
    }
    const listing = listings[asked.method];
    if (listing !== undefined) {
      return sendJson(
        response,
        result(asked.id, listing.replace(/\}$/, ',"resultType":"complete"}')),
      );
    }
    told.push(JSON.stringify(meta?.["io.modelcontextprotocol/clientCapabilities"]));
    calls.push(asked);
    act(asked, response, "");
  });
  return {
    ...server,
    told,
    answered: [],
    calls,
    cancelled: [],
    sessions: new Set(),
    tell: () => undefined,
    standing: () => 0,
  };
}

/** Everything that a client can be asked. */
export const everything = {
  elicitation: { form: {}, url: {} },
  sampling: {},
  roots: {},
} as const;
const capabilitiesKey = "io.modelcontextprotocol/clientCapabilities";

export interface ModernClient {
  readonly ask: (method: string, params: Json, meta?: Json) => ReturnType<typeof post>;
  /** Calls a tool, with whatever else stands in the parameters. */
  readonly call: (name?: string, more?: Json, meta?: Json) => ReturnType<typeof post>;
}

export function modernClient(
  url: string,
  { token = tokenA, capabilities = everything }: { token?: string; capabilities?: object } = {},
): ModernClient {
  const ask: ModernClient["ask"] = (method, params, meta = {}) =>
    post(
      url,
      modernRequest(method, params, { meta: { [capabilitiesKey]: capabilities, ...meta } }),
      token,
    );
  return {
    ask,
    call: (name = "t", more = {}, meta = {}) =>
      ask("tools/call", { name, arguments: {}, ...more }, meta),
  };
}

/** A stream of events, read one after the other. */
export interface Events {
  readonly status: number;
  readonly type: string | null;
  /** All of an answer that is no stream. */
  readonly body: () => Promise<string>;
  /** The next message; undefined at the end. */
  readonly next: () => Promise<(Json & { readonly id?: unknown }) | undefined>;
  /** The id of the event that was read last. */
  readonly lastId: () => string | undefined;
  /** All the text so far. */
  readonly text: () => string;
  readonly rest: () => Promise<readonly Json[]>;
  readonly leave: () => Promise<void>;
}

export function readStream(response: Response): Events {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  const pull = async (): Promise<boolean> => {
    const chunk = await reader?.read();
    text += chunk?.value ?? "";
    return chunk?.done === false;
  };
  let text = "";
  let at = 0;
  let lastId: string | undefined;
  const next: Events["next"] = async () => {
    for (;;) {
      const end = text.indexOf("\n\n", at);
      if (end === -1) {
        if (!(await pull())) return undefined;
        continue;
      }
      const lines = text.slice(at, end).split("\n");
      at = end + 2;
      for (const line of lines) if (line.startsWith("id: ")) lastId = line.slice(4);
      const data = lines.flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
      if (data.length > 0 && data[0] !== "") return JSON.parse(data.join("\n")) as Json;
    }
  };
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    body: async () => {
      while (await pull());
      return text;
    },
    next,
    lastId: () => lastId,
    text: () => text,
    rest: async () => {
      const all: Json[] = [];
      for (let one = await next(); one !== undefined; one = await next()) all.push(one);
      return all;
    },
    leave: async () => {
      await reader?.cancel();
    },
  };
}

export interface LegacyClient {
  readonly session: string;
  readonly send: (message: object | string, more?: Record<string, string>) => Promise<Response>;
  readonly get: (more?: Record<string, string>) => Promise<Response>;
  readonly end: () => Promise<Response>;
  /** Calls a tool and reads what comes. */
  readonly call: (name?: string, id?: number | string, more?: Json) => Promise<Events>;
}

export async function legacyClient(
  url: string,
  {
    token = tokenA,
    capabilities = everything,
    revision = "2025-11-25",
    headers: extra = {},
  }: {
    token?: string;
    capabilities?: object;
    revision?: string;
    headers?: Record<string, string>;
  } = {},
): Promise<LegacyClient> {
  const accept = "application/json, text/event-stream";
  const own = { authorization: `Bearer ${token}`, accept };
  const headers: Record<string, string> = { ...own, "content-type": "application/json", ...extra };
  const clientInfo = { name: "test", version: "1" };
  const params = { protocolVersion: revision, capabilities, clientInfo };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const greeting = await fetch(url, { method: "POST", headers, body });
  await greeting.text();
  const session = greeting.headers.get("mcp-session-id") ?? "";
  if (session === "") throw new Error(`No session: ${greeting.status}`);
  headers["mcp-session-id"] = session;
  const send: LegacyClient["send"] = (message, more = {}) =>
    fetch(url, {
      method: "POST",
      headers: { ...headers, ...more },
      body: typeof message === "string" ? message : JSON.stringify(message),
    });
  const bare = { ...own, "mcp-session-id": session };
  return {
    session,
    send,
    get: (more = {}) => fetch(url, { headers: { ...bare, ...more } }),
    end: () => fetch(url, { method: "DELETE", headers: bare }),
    call: async (name = "t", id = 1, more = {}) => {
      const params = { name, arguments: {}, ...more };
      return readStream(await send({ jsonrpc: "2.0", id, method: "tools/call", params }));
    },
  };
}

/** A request of a server to its client, as JSON text. */
export function question(id: number | string, method: string, params: Json | string = {}): string {
  const text = typeof params === "string" ? params : JSON.stringify(params);
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":${text}}`;
}
export const form = {
  mode: "form",
  message: "Who?",
  requestedSchema: { type: "object", properties: {} },
};
export const formQuestion = (id: number | string): string =>
  question(id, "elicitation/create", form);

/** Asks this on the stream of the call, under ids of its own, and ends the call when all is answered. */
export function askingCall(
  server: () => AskingServer,
  questions: readonly ((id: string) => string)[],
): CallAct {
  return ({ id }, response) => {
    startEvents(response);
    const ids = questions.map((_, at) => `q-${id}-${at}`);
    questions.forEach((ask, at) => response.write(event(ask(ids[at]!))));
    const wait = (): void => {
      if (response.destroyed) return;
      const answered = new Set(server().answered.map((each) => each.id));
      if (ids.every((each) => answered.has(each))) response.end(event(result(id, done)));
      else setTimeout(wait, 5);
    };
    wait();
  };
}
