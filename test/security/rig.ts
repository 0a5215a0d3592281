/** A whole gateway before one upstream that does, method by method, what a test says. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigInput, parseConfig } from "../../src/config/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { openInstance } from "../../src/instance.ts";
import {
  type RunningGateway,
  allowAll,
  authA,
  modernRequest,
  post,
  runGateway,
  tokenA,
} from "../e2e/gateway.ts";
import { type RawConnection, openRaw } from "../runtime/raw.ts";
import {
  type Answerer,
  type Asked,
  result,
  sendJson,
  startFake,
} from "../upstreams/fake-server.ts";

export type Acts = Readonly<Record<string, Answerer>>;
export type Answer = Awaited<ReturnType<typeof post>>;
export type AuditRecord = Readonly<Record<string, unknown>>;

export interface Rig {
  readonly gateway: RunningGateway;
  /** What the upstream does from now on with requests of a method. */
  readonly act: (acts: Acts) => void;
  /** Asks at the upstream's own endpoint, where names are its own. */
  readonly ask: (
    method: string,
    params?: Readonly<Record<string, unknown>>,
    options?: Parameters<typeof modernRequest>[2],
  ) => Promise<Answer>;
  /** Calls the tool `t`, which takes anything. */
  readonly call: (args?: unknown, options?: Parameters<typeof modernRequest>[2]) => Promise<Answer>;
  /** Requests that reached the upstream and were neither discovery nor a list. */
  readonly forwarded: () => readonly Asked[];
  /** Every request that reached the upstream, by method. */
  readonly methods: () => readonly string[];
  /** The records of exchanges, oldest first. */
  readonly records: () => Promise<readonly AuditRecord[]>;
}

export interface RigSettings {
  /** `legacy` makes the upstream a server of that era. */
  readonly era?: (answer: Answerer) => Answerer;
  readonly upstream?: object;
  readonly client?: object;
  readonly config?: Partial<ConfigInput>;
}

const cacheable = '"resultType":"complete","ttlMs":0,"cacheScope":"private"';
const capabilities = '{"tools":{},"resources":{},"prompts":{},"completions":{}}';

export const okText = '{"content":[{"type":"text","text":"ok"}],"resultType":"complete"}';

export function discovery(more = ""): string {
  return `{"supportedVersions":["2026-07-28"],"capabilities":${capabilities}${more},${cacheable}}`;
}
export function listText(key: string, items: readonly string[], more = ""): string {
  return `{"${key}":[${items.join(",")}]${more},${cacheable}}`;
}
/** The list as the gateway tells it. */
export function shownList(key: string, items: readonly string[]): string {
  return `{"${key}":[${items.join(",")}],"resultType":"complete","ttlMs":60000,"cacheScope":"private"}`;
}
/** A tool with these members beside its name and schema, as JSON text. */
export function toolText(name: string, more = ""): string {
  return `{"name":${JSON.stringify(name)}${more},"inputSchema":{"type":"object"}}`;
}

/** Answers with this text as the result. */
export function reply(text: string): Answerer {
  return ({ id }, response) => sendJson(response, result(id, text));
}
/** The JSON-RPC text around a result, as a client with the id 1 gets it. */
export function answerText(text: string): string {
  return result(1, text);
}

/** A result with one content block. */
export function blockText(json: string): string {
  return `{"content":[${json}],"resultType":"complete"}`;
}
export function logText(data: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":${data}}}`;
}
export function progressText(token: string, message: string): string {
  return `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1,"message":${message}}}`;
}
/** The events of a stream as the gateway writes them. */
export function eventsText(...texts: readonly string[]): string {
  return texts.map((text) => `data: ${text}\n\n`).join("");
}
/** Asks for log messages. */
export const listening = { "io.modelcontextprotocol/logLevel": "debug" };

/** A place in an answer: the method, what is asked, and the result around a JSON string. */
export type Carrier = readonly [
  where: string,
  method: string,
  params: Readonly<Record<string, unknown>>,
  build: (text: string) => string,
];

const called = { name: "t", arguments: {} };
const completing = { ref: { type: "ref/prompt", name: "p" }, argument: { name: "a", value: "" } };
const readText = (contents: string): string =>
  `{"contents":[${contents}],"resultType":"complete","ttlMs":0,"cacheScope":"private"}`;

export const carriers: readonly Carrier[] = [
  ["text", "tools/call", called, (s) => blockText(`{"type":"text","text":${s}}`)],
  [
    "the text of a failed call",
    "tools/call",
    called,
    (s) => `{"content":[{"type":"text","text":${s}}],"isError":true,"resultType":"complete"}`,
  ],
  [
    "structuredContent",
    "tools/call",
    called,
    (s) => `{"content":[],"structuredContent":{"a":[{"b":${s}}]},"resultType":"complete"}`,
  ],
  [
    "a key",
    "tools/call",
    called,
    (s) => `{"content":[],"structuredContent":{${s}:1},"resultType":"complete"}`,
  ],
  [
    "_meta",
    "tools/call",
    called,
    (s) => `{"content":[],"_meta":{"a":${s}},"resultType":"complete"}`,
  ],
  [
    "_meta of a block",
    "tools/call",
    called,
    (s) => blockText(`{"type":"text","text":"","_meta":{"a":[${s}]}}`),
  ],
  [
    "annotations",
    "tools/call",
    called,
    (s) => blockText(`{"type":"text","text":"","annotations":{"audience":[${s}]}}`),
  ],
  [
    "an embedded resource",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource","resource":{"uri":"a:b","text":${s}}}`),
  ],
  [
    "a link's name",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource_link","uri":"a:b","name":${s}}`),
  ],
  [
    "a link's title",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource_link","uri":"a:b","name":"n","title":${s}}`),
  ],
  [
    "a link's description",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource_link","uri":"a:b","name":"n","description":${s}}`),
  ],
  [
    "a link's URI",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource_link","uri":${s},"name":"n"}`),
  ],
  [
    "a link's media type",
    "tools/call",
    called,
    (s) => blockText(`{"type":"resource_link","uri":"a:b","name":"n","mimeType":${s}}`),
  ],
  ["an unknown block", "tools/call", called, (s) => blockText(`{"type":"hologram","x":[${s}]}`)],
  ["a block's type", "tools/call", called, (s) => blockText(`{"type":${s}}`)],
  [
    "an unknown member",
    "tools/call",
    called,
    (s) => `{"content":[],"x":${s},"resultType":"complete"}`,
  ],
  [
    "a resource's text",
    "resources/read",
    { uri: "a:b" },
    (s) => readText(`{"uri":"a:b","text":${s}}`),
  ],
  ["a resource's URI", "resources/read", { uri: "a:b" }, (s) => readText(`{"uri":${s},"text":""}`)],
  [
    "a prompt's text",
    "prompts/get",
    { name: "p" },
    (s) =>
      `{"messages":[{"role":"user","content":{"type":"text","text":${s}}}],"resultType":"complete"}`,
  ],
  [
    "a prompt's description",
    "prompts/get",
    { name: "p" },
    (s) => `{"description":${s},"messages":[],"resultType":"complete"}`,
  ],
  [
    "a completion",
    "completion/complete",
    completing,
    (s) => `{"completion":{"values":[${s}]},"resultType":"complete"}`,
  ],
];

const usual: Acts = {
  "server/discover": reply(discovery()),
  "tools/list": reply(listText("tools", [toolText("t")])),
  "prompts/list": reply(listText("prompts", ['{"name":"p"}'])),
  "resources/list": reply(listText("resources", [])),
  "resources/templates/list": reply(listText("resourceTemplates", [])),
};

/** What the gateway itself asks an upstream. */
const isOwn = /^server\/|\/list$|^notifications\//;

const ends: (() => Promise<void>)[] = [];

/** Closes what was opened since; for `afterEach` or `afterAll`. */
export async function closeRigs(): Promise<void> {
  for (const end of ends.splice(0).toReversed()) await end();
}
export function closeLater(end: () => Promise<void>): void {
  ends.push(end);
}

export async function openServer(acts: Acts, era: RigSettings["era"] = (answer) => answer) {
  let current: Acts = acts;
  const act = (next: Acts): void => {
    current = next;
  };
  const byMethod: Answerer = (asked, response) => {
    const answer = current[asked.method] ?? usual[asked.method] ?? current["*"] ?? reply(okText);
    answer(asked, response);
  };
  const server = await startFake(era(byMethod));
  closeLater(server.close);
  const isCall = ({ method }: Asked): boolean => method.includes("/") && !isOwn.test(method);
  return { ...server, act, forwarded: () => server.asked.filter(isCall) };
}

export async function openRig(acts: Acts = {}, settings: RigSettings = {}): Promise<Rig> {
  const server = await openServer(acts, settings.era);
  const gateway = await runGateway({
    upstreams: { x: { url: server.url, timeoutMs: 2_000, ...settings.upstream } },
    clients: { a: { auth: authA, allow: allowAll, rate: { burst: 10_000 }, ...settings.client } },
    // Most tests have one tool mean now this and now that.
    integrity: "report",
    ...settings.config,
  });
  closeLater(gateway.close);
  const ask: Rig["ask"] = (method, params = {}, options = {}) =>
    post(`${gateway.url}/mcp/x`, modernRequest(method, params, options));
  return {
    gateway,
    act: server.act,
    ask,
    call: (args = {}, options = {}) => ask("tools/call", { name: "t", arguments: args }, options),
    forwarded: server.forwarded,
    methods: server.methods,
    records: () => exchangesOf(gateway),
  };
}

export async function exchangesOf(gateway: RunningGateway): Promise<readonly AuditRecord[]> {
  return (await gateway.records()).filter(({ kind }) => kind === "exchange");
}

/** An answer without what is new each time. */
export function withoutIds(text: string): string {
  return text.replaceAll(/"requestId":"[0-9a-f]{32}"/g, '"requestId":""');
}

/** The bytes of a request of client `a` to a rig, up to its body. */
export function headText(rig: Rig, headers: Readonly<Record<string, string>>): string {
  const { host } = new URL(rig.gateway.url);
  const all = { host, authorization: `Bearer ${tokenA}`, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST /mcp/x HTTP/1.1\r\n${lines.join("")}\r\n`;
}

/**
 * Sends a call on a connection of its own that has been used before, for a caller that means to
 * break it off: Deno notices that only of a first request as small as its buffer (docs/deno.md).
 */
export async function openCall(
  rig: Rig,
  request: ReturnType<typeof modernRequest>,
): Promise<RawConnection> {
  const toText = ({ headers, body }: typeof request): string =>
    headText(rig, { ...headers, "content-length": String(Buffer.byteLength(body)) }) + body;
  const { port } = new URL(rig.gateway.url);
  const raw = openRaw(Number(port), toText(modernRequest("server/discover")));
  await raw.until('"supportedVersions"');
  raw.socket.write(toText(request));
  return raw;
}

export type Session = (
  method: string,
  params?: Readonly<Record<string, unknown>>,
  id?: number | null,
) => Promise<Answer>;

/** A legacy client's session at an endpoint. */
export async function openSession(url: string, token = tokenA): Promise<Session> {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const send: Session = (method, params = {}, id = 1) => {
    const message = { jsonrpc: "2.0", ...(id === null ? {} : { id }), method, params };
    return post(url, { headers, body: JSON.stringify(message) }, token);
  };
  const clientInfo = { name: "test", version: "1" };
  const greeting = await send("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo,
  });
  headers["mcp-session-id"] = greeting.headers.get("mcp-session-id") ?? "";
  return send;
}

export interface Inside {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly auditText: () => Promise<string>;
  readonly close: () => Promise<void>;
}

/** A gateway without a listener, on a runtime of which a test has changed some ports. */
export async function openInside(
  input: ConfigInput,
  change: (runtime: Runtime) => Partial<Runtime>,
): Promise<Inside> {
  const folder = await mkdtemp(join(tmpdir(), "inside-"));
  const real = await openRuntime();
  const { config, faults } = parseConfig(input, { ...real.crypto, now: Date.now() });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  const loaded = {
    config,
    folder,
    file: "",
    digest: "test",
    faults: [],
    watched: { secrets: [], sources: [] },
  };
  const { fetch, drain, close: end } = await openInstance(loaded, { ...real, ...change(real) });
  let close = async (): Promise<void> => {
    close = () => Promise.resolve();
    drain();
    await end();
    await real.egress.close();
  };
  closeLater(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    fetch: (request) => fetch(request, "127.0.0.1"),
    auditText: () => readFile(join(folder, "audit.jsonl"), "utf8"),
    close: () => close(),
  };
}
