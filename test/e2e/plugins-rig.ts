/** A gateway on plugin files of a test, between clients and recording servers of both eras. */
import { type Era, at, reread, textOf } from "../../src/mcp/index.ts";
import { eventually } from "../stores/eventually.ts";
import { allowAll, tokenA, tokenB } from "./gateway.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { type Call, type HttpRecorder, type Plan, startHttpRecorder } from "./recording-server.ts";
import { type Reloading, type ReloadingSettings, runReloading, token } from "./reloading.ts";
import { type Heard, toHeard } from "./rules-rig.ts";

export interface Way {
  readonly client: Era;
  readonly server: Era;
}
export const ways: readonly Way[] = (["modern", "legacy"] as const).flatMap((client) =>
  (["modern", "legacy"] as const).map((server) => ({ client, server })),
);
export const modernWay: Way = { client: "modern", server: "modern" };

type As = "a" | "b";
export interface PluginsRig extends Reloading {
  readonly servers: Readonly<Record<Era, HttpRecorder>>;
  /** One request; `members` are JSON members of its parameters. */
  readonly ask: (
    method: string,
    members?: string,
    how?: {
      readonly way?: Way;
      readonly as?: As;
      readonly name?: string;
      readonly reply?: string;
    },
  ) => Promise<Heard & { readonly said: string }>;
  readonly call: (
    tool: string,
    args?: object,
    how?: { readonly way?: Way; readonly as?: As; readonly reply?: string },
  ) => Promise<Heard & { readonly said: string }>;
  /** The arguments of the last call that came to a server, as it got them. */
  readonly got: (server?: Era) => string | undefined;
  /** What came to both servers, but lists. */
  readonly reached: () => number;
  readonly client: (way: Way, as?: As) => Promise<RawClient>;
  /** The records of exchanges so far. */
  readonly exchanges: () => Promise<readonly ExchangeRecord[]>;
  readonly last: () => Promise<ExchangeRecord>;
  /** Settles when a line of the log has this text. */
  readonly logs: (text: string) => Promise<string>;
  /** The config that it was started with. */
  readonly config: object;
}
export interface ExchangeRecord {
  readonly id?: string;
  readonly kind?: string;
  readonly method?: string;
  readonly decision?: string;
  readonly stage?: string;
  readonly code?: string;
  readonly why?: string;
  readonly upstreamMs?: number;
  readonly plugins?: readonly Readonly<Record<string, unknown>>[];
}
export interface PluginsRigSettings extends ReloadingSettings {
  /** Plugin files by name; those without an entry in `plugins` are parts of others. */
  readonly files: Readonly<Record<string, string>>;
  readonly plugins: readonly object[];
  readonly config?: object;
  readonly tools?: readonly string[];
  /** Names beside those that there always are. */
  readonly prompts?: readonly string[];
  readonly answer?: (call: Call) => Plan;
}

/** A whole gateway, and a thread that reads its sources, on a machine that does more than this. */
export const startMs = 30_000;

export const anyTool = (name: string, description = "Takes anything"): string =>
  JSON.stringify({ name, description, inputSchema: { type: "object" } });

/** Answers with what it is asked to say, asks what it is asked to ask, and tells of what it was asked. */
export function sayBack({ text }: Call): Plan {
  const { params } = JSON.parse(text) as {
    params: {
      uri?: string;
      name?: string;
      arguments?: { say?: unknown; ask?: string; asks?: readonly string[]; n?: number };
    };
  };
  const { say = "fine", ask, asks, n } = params.arguments ?? {};
  const said = JSON.stringify(params.uri === undefined ? say : `about ${decodeURI(params.uri)}`);
  const typed = n === undefined ? "" : `,"structuredContent":{"n":${n}}`;
  const content = `"content":[{"type":"text","text":${said}}]${typed}`;
  const messages = `"messages":[{"role":"user","content":{"type":"text","text":${said}}}]`;
  const contents = `"contents":[{"uri":"file:///one","text":${said}}]`;
  const values = `"completion":{"values":["x"]}`;
  const end = `"result":{"resultType":"complete",${content},${messages},${contents},${values}}`;
  if (asks !== undefined) return { end: `"result":${toInputRequired(asks)}` };
  if (ask === undefined) return { end };
  return { end, question: toQuestion(ask) };
}

function toQuestion(message: string): string {
  const requestedSchema = { type: "object", properties: {} };
  return JSON.stringify({ message, requestedSchema });
}

/** As a modern server asks for several things at once. */
function toInputRequired(asks: readonly string[]): string {
  const requests = asks.map(
    (message, at) => `"r${at}":{"method":"elicitation/create","params":${toQuestion(message)}}`,
  );
  return `{"resultType":"input_required","inputRequests":{${requests.join(",")}}}`;
}

export async function openPluginsRig({
  plugins,
  config: more = {},
  tools = [anyTool("echo")],
  prompts = [],
  answer = sayBack,
  ...settings
}: PluginsRigSettings): Promise<PluginsRig> {
  const lists = {
    tools,
    prompts: ["greet", "greet-deny", ...prompts].map((name) => `{"name":"${name}"}`),
    resources: ["plain", "uri-deny"].map((name) => `{"uri":"file:///${name}","name":"${name}"}`),
    resourceTemplates: ['{"uriTemplate":"file:///{name}","name":"any"}'],
  };
  const [modern, legacy] = await Promise.all(
    (["modern", "legacy"] as const).map((era) => startHttpRecorder({ era, answer, lists })),
  );
  const servers = { modern: modern as HttpRecorder, legacy: legacy as HttpRecorder };
  const rate = { burst: 10_000, perSecond: 10_000 };
  const allow = { ...allowAll, input: ["elicitation"] };
  const config = {
    upstreams: { modern: { url: servers.modern.url }, legacy: { url: servers.legacy.url } },
    clients: {
      a: { ...token("TOKEN_A"), allow, rate },
      b: { ...token("TOKEN_B"), allow, rate },
    },
    plugins,
    ...more,
  };
  const closeServers = () => Promise.all([servers.modern.close(), servers.legacy.close()]);
  const gateway = await runReloading(config, settings).catch(async (error: unknown) => {
    await closeServers();
    throw error;
  });
  const clients = new Map<string, Promise<RawClient>>();
  const client = ({ client: era, server }: Way, as: As = "a"): Promise<RawClient> => {
    const key = `${era} ${server} ${as}`;
    const url = `${gateway.url}/mcp/${server}`;
    const opened = clients.get(key) ?? openRawClient(era, url, as === "a" ? tokenA : tokenB);
    clients.set(key, opened);
    return opened;
  };
  const ask: PluginsRig["ask"] = async (method, members = "", how = {}) => {
    const { way = modernWay, as = "a", name, reply } = how;
    const raw = await client(way, as);
    const params = [members, ...(raw.meta === "" ? [] : [`"_meta":{${raw.meta}}`])];
    const texts = await raw.ask({
      method,
      params: `{${params.filter((each) => each !== "").join(",")}}`,
      ...(name === undefined ? {} : { name }),
      ...(reply === undefined ? {} : { reply }),
    });
    return { ...toHeard(texts.at(-1) ?? ""), said: texts.join("\n") };
  };
  const exchanges: PluginsRig["exchanges"] = async () =>
    ((await gateway.records()) as ExchangeRecord[]).filter(({ kind }) => kind === "exchange");
  return {
    ...gateway,
    servers,
    ask,
    client,
    config,
    call: (tool, args = {}, how = {}) =>
      ask("tools/call", `"name":"${tool}","arguments":${JSON.stringify(args)}`, {
        name: tool,
        ...how,
      }),
    got: (server = "modern") => {
      const last = servers[server].calls.at(-1);
      const args = last && at(reread(last.text), "params", "arguments");
      return args && textOf(args);
    },
    reached: () => servers.modern.calls.length + servers.legacy.calls.length,
    exchanges,
    last: async () => (await exchanges()).at(-1) ?? {},
    logs: async (text) => {
      const find = () => gateway.logged.find((line) => line.includes(text));
      await eventually(() => find() !== undefined);
      return find() ?? "";
    },
    close: async () => {
      await gateway.close();
      await closeServers();
    },
  };
}
