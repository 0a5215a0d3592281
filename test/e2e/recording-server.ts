/** MCP servers of both eras, on HTTP and stdio, that keep what they got and answer with given bytes. */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { type AddressInfo, type Server, type Socket, createServer as createPipe } from "node:net";
import type { Era } from "../../src/mcp/index.ts";

/** What is said to one call. All are JSON texts. */
export interface Plan {
  /** Messages before the end. */
  readonly before?: readonly string[];
  /** The parameters of one `elicitation/create` before the end. */
  readonly question?: string;
  /** What is asked at once before the end: the members of each request but its id. */
  readonly asks?: readonly string[];
  /** `"result":…` or `"error":…` */
  readonly end: string;
  /** Never ends. */
  readonly isStuck?: boolean;
}
export interface Call {
  readonly id: number;
  readonly method: string;
  /** The body or line as it came. */
  readonly text: string;
}
export interface Wording {
  readonly era: Era;
  readonly answer: (call: Call) => Plan;
  /** Items of each list, as JSON texts. */
  readonly lists?: {
    readonly tools?: readonly string[];
    readonly prompts?: readonly string[];
    readonly resources?: readonly string[];
    readonly resourceTemplates?: readonly string[];
  };
}
export interface RecordingServer {
  readonly calls: Call[];
  /** The client's answers to questions of a legacy server, as they came. */
  readonly replies: string[];
  /** The calls that the client gave up with a word, by their ids. */
  readonly cancelled: number[];
  /** Says something on the way that belongs to no call; `subscription` is the modern era's id. */
  readonly tell: (toText: (subscription: string | undefined) => string) => void;
  /** Ways on which `tell` is heard. */
  readonly ears: () => number;
  /** Whether somebody wants to be told of this resource. */
  readonly isFollowed: (uri: string) => boolean;
  readonly sessions: ReadonlySet<string>;
  /** Connections of the gateway that are open now. */
  readonly sockets: () => number;
  readonly close: () => Promise<void>;
}
export interface HttpRecorder extends RecordingServer {
  readonly url: string;
}
export interface PipeRecorder extends RecordingServer {
  /** A process that is nothing but the way here. */
  readonly command: string;
  readonly args: readonly string[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: {
    readonly uri?: string;
    readonly requestId?: number;
    readonly notifications?: object;
  };
}
/** Where the answer to one message goes. */
interface Out {
  readonly send: (text: string) => void;
  /** The last one; nothing where there is none. */
  readonly end: (text?: string) => void;
}

const capabilities = `{"tools":{"listChanged":true},"prompts":{},"resources":{"subscribe":true},"completions":{},"logging":{}}`;
const info = '{"name":"recorder","version":"1"}';
export const cacheable = '"resultType":"complete","ttlMs":60000,"cacheScope":"private"';
export const subscriptionKey = "io.modelcontextprotocol/subscriptionId";

function createBrain({ era, answer, lists }: Wording) {
  const calls: Call[] = [];
  const replies: string[] = [];
  const cancelled: number[] = [];
  const waiting = new Map<string, () => void>();
  const ears = new Map<Out, Map<string | undefined, string>>();
  const followed = new Set<string>();
  const isModern = era === "modern";
  const cached = isModern ? `,${cacheable}` : "";
  let questions = 0;

  function onMessage(text: string, out: Out): void {
    const { id, method, params } = JSON.parse(text) as Message;
    const say = (result: string): void =>
      out.end(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    if (method === undefined) {
      replies.push(text);
      waiting.get(String(id))?.();
      return out.end();
    }
    if (id === undefined) {
      const { requestId } = params ?? {};
      if (requestId !== undefined) {
        ears.get(out)?.delete(String(requestId));
        cancelled.push(requestId);
      }
      return out.end();
    }
    const list = /^(tools|prompts|resources|resources\/templates)\/list$/.exec(method)?.[1];
    if (list !== undefined) {
      const key = list === "resources/templates" ? "resourceTemplates" : list;
      const items = lists?.[key as keyof NonNullable<typeof lists>] ?? [];
      return say(`{"${key}":[${items.join(",")}]${cached}}`);
    }
    switch (method) {
      case "server/discover":
        if (!isModern) break;
        return say(`{"supportedVersions":["2026-07-28"],"capabilities":${capabilities}${cached}}`);
      case "initialize":
        if (isModern) break;
        return say(
          `{"protocolVersion":"2025-11-25","capabilities":${capabilities},"serverInfo":${info}}`,
        );
      case "subscriptions/listen": {
        const wish = JSON.stringify(params?.notifications);
        const granted = `{"notifications":${wish},"_meta":{"${subscriptionKey}":${id}}}`;
        out.send(notification("notifications/subscriptions/acknowledged", granted));
        const ear = ears.get(out) ?? new Map<string | undefined, string>();
        return void ears.set(out, ear.set(String(id), wish));
      }
      case "resources/subscribe":
        followed.add(params?.uri ?? "");
        return say("{}");
      case "resources/unsubscribe":
        followed.delete(params?.uri ?? "");
        return say("{}");
      case "logging/setLevel":
        return say("{}");
      default:
        return onCall({ id, method, text }, out);
    }
    out.end(`{"jsonrpc":"2.0","id":${id},"error":{"code":-32601,"message":"Method not found"}}`);
  }

  function onCall(call: Call, out: Out): void {
    calls.push(call);
    const { before = [], question, asks = toAsks(question), end, isStuck } = answer(call);
    if (isStuck) return;
    for (const text of before) out.send(text);
    const finish = (): void => out.end(`{"jsonrpc":"2.0","id":${call.id},${end}}`);
    if (asks.length === 0) return finish();
    if (!isModern) {
      const open = new Set(asks.map(() => `question-${++questions}`));
      for (const id of open) {
        waiting.set(id, () => open.delete(id) && open.size === 0 && finish());
      }
      const ids = [...open];
      return asks.forEach((ask, at) => out.send(`{"jsonrpc":"2.0","id":"${ids[at]}",${ask}}`));
    }
    if (call.text.includes('"inputResponses"')) return finish();
    const asked = asks.map((ask, at) => `"it${at || ""}":{${ask}}`).join(",");
    const result = `{"resultType":"input_required","inputRequests":{${asked}},"requestState":"own"}`;
    out.end(`{"jsonrpc":"2.0","id":${call.id},"result":${result}}`);
  }

  return {
    calls,
    replies,
    cancelled,
    ears,
    isModern,
    onMessage,
    tell: (toText: (subscription: string | undefined) => string) => {
      for (const [out, ear] of ears) for (const id of ear.keys()) out.send(toText(id));
    },
    isFollowed: (uri: string) =>
      isModern
        ? [...ears.values()].some((ear) => [...ear.values()].some((wish) => wish.includes(uri)))
        : followed.has(uri) && ears.size > 0,
  };
}

const toAsks = (question: string | undefined): readonly string[] =>
  question === undefined ? [] : [`"method":"elicitation/create","params":${question}`];

export const notification = (method: string, params: string): string =>
  `{"jsonrpc":"2.0","method":"${method}","params":${params}}`;

export async function startHttpRecorder(wording: Wording): Promise<HttpRecorder> {
  const brain = createBrain(wording);
  const sessions = new Set<string>();
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const token = request.headers["mcp-session-id"];
    if (request.method === "DELETE") {
      sessions.delete(String(token));
      return response.writeHead(204).end();
    }
    const out = toHttpOut(response);
    if (request.method === "GET") {
      if (brain.isModern) return response.writeHead(405).end();
      out.open();
      response.on("close", () => brain.ears.delete(out));
      return void brain.ears.set(out, new Map([[undefined, ""]]));
    }
    response.on("close", () => brain.ears.delete(out));
    return void bodyOf(request).then((text) => {
      if (!brain.isModern && text.includes('"method":"initialize"')) {
        const id = randomUUID();
        sessions.add(id);
        response.setHeader("mcp-session-id", id);
      }
      brain.onMessage(text, out);
    });
  });
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const port = await listen(server);
  return {
    ...brain,
    ears: () => brain.ears.size,
    sessions,
    sockets: () => sockets.size,
    url: `http://127.0.0.1:${port}/mcp`,
    close: () => {
      server.closeAllConnections();
      return closed(server);
    },
  };
}

/** One message is a JSON body; several are events, each with a `data` line for every line it has. */
function toHttpOut(response: ServerResponse): Out & { readonly open: () => void } {
  const open = (): void => {
    if (response.headersSent) return;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
  };
  const send = (text: string): void => {
    open();
    response.write(`${text.replaceAll(/^/gm, "data: ")}\n\n`);
  };
  return {
    open,
    send,
    end: (text) => {
      if (text === undefined) return void response.writeHead(202).end();
      if (!response.headersSent) {
        return void response.writeHead(200, { "content-type": "application/json" }).end(text);
      }
      send(text);
      response.end();
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** The process is a pipe to this one; each connection is one process. */
export async function startPipeRecorder(wording: Wording): Promise<PipeRecorder> {
  const brain = createBrain(wording);
  const sockets = new Set<Socket>();
  const server = createPipe((socket) => {
    const send = (text: string): void => void socket.write(`${text.replaceAll("\n", " ")}\n`);
    const out = { send, end: (text?: string) => text !== undefined && send(text) };
    sockets.add(socket);
    if (!brain.isModern) brain.ears.set(out, new Map([[undefined, ""]]));
    socket.on("close", () => {
      sockets.delete(socket);
      brain.ears.delete(out);
    });
    socket.on("error", () => undefined);
    let pending = "";
    socket.setEncoding("utf8").on("data", (piece: string) => {
      const lines = (pending + piece).split("\n");
      pending = lines.pop() ?? "";
      for (const line of lines) brain.onMessage(line, out);
    });
  });
  const port = await listen(server);
  const code = `const s=require("net").connect(${port},"127.0.0.1");process.stdin.pipe(s);s.pipe(process.stdout)`;
  return {
    ...brain,
    ears: () => brain.ears.size,
    sessions: new Set(),
    sockets: () => sockets.size,
    command: process.execPath,
    args: ["-e", code],
    close: () => {
      for (const socket of sockets) socket.destroy();
      return closed(server);
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
