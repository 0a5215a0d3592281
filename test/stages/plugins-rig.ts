/** A whole gateway with plugins of a test, before an upstream that counts. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfigInput } from "../../src/config/index.ts";
import { parseConfig } from "../../src/config/index.ts";
import { openFoundation } from "../../src/foundation.ts";
import { type OpenGateway, openGateway } from "../../src/gateway.ts";
import { createApp } from "../../src/http/index.ts";
import type { PluginSet } from "../../src/sandbox/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { type EchoBehaviour, type EchoServer, startEchoServer } from "../e2e/echo-server.ts";
import { type JsonAnswer, allowAll, authA, modernRequest, tokenA } from "../e2e/gateway.ts";
import { type FakePlugin, type FakePlugins, fakePlugins } from "./fake-plugins.ts";

export interface PluginsRig {
  readonly upstream: EchoServer;
  readonly plugins: FakePlugins;
  /** `text` is the body: a JSON message, or the events of a stream. */
  readonly ask: (
    method: string,
    params?: object,
    options?: {
      readonly path?: string;
      readonly raw?: string;
      readonly meta?: Record<string, unknown>;
    },
  ) => Promise<{ readonly status: number; readonly text: string; readonly json: () => JsonAnswer }>;
  readonly call: (args?: object) => Promise<JsonAnswer>;
  /** The records of exchanges so far. */
  readonly records: () => Promise<readonly ExchangeRecord[]>;
  readonly explain: OpenGateway["explain"];
  readonly send: (request: Request) => Promise<Response>;
  readonly close: () => Promise<void>;
}
export interface ExchangeRecord {
  readonly decision?: string;
  readonly stage?: string;
  readonly code?: string;
  readonly why?: string;
  readonly upstreamMs?: number;
  readonly plugins?: readonly Readonly<Record<string, unknown>>[];
}

export async function openPluginsRig(
  plugins: readonly FakePlugin[],
  { upstream: behaviour, config }: { upstream?: EchoBehaviour; config?: Partial<ConfigInput> } = {},
): Promise<PluginsRig> {
  const upstream = await startEchoServer(behaviour);
  const folder = await mkdtemp(join(tmpdir(), "plugins-"));
  const runtime = await openRuntime();
  const input: ConfigInput = {
    upstreams: { x: { url: upstream.url } },
    clients: { a: { auth: authA, allow: allowAll } },
    ...config,
  };
  const parsed = parseConfig(input, { ...runtime.crypto, now: Date.now() });
  if (parsed.config === undefined) throw new Error(JSON.stringify(parsed.faults));
  const loaded = { config: parsed.config, folder, file: "", digest: "test" };
  const silent = () => undefined;
  const ports = {
    ...runtime,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    store: openMemoryStore(runtime),
    bus: undefined,
  };
  const noFile = { read: async () => undefined, write: async () => undefined };
  const foundation = await openFoundation({
    loaded,
    ports,
    version: "0",
    env: {},
    blockFile: noFile,
    pluginFiles: runtime.config,
    lockFile: { ...noFile, path: join(folder, "lock.json"), alone: (act) => act() },
  });
  const fakes = fakePlugins(...plugins);
  const gateway = openGateway(loaded, foundation, {
    plugins: { ...fakes, close: () => Promise.resolve() } as unknown as PluginSet,
  });
  const app = createApp(gateway, {
    ports,
    peer: () => "127.0.0.1",
    connection: () => undefined,
    address: (peer) => peer,
  });
  const authorization = `Bearer ${tokenA}`;
  const send = async (request: Request) => app.fetch(request);
  const ask: PluginsRig["ask"] = async (
    method,
    params = {},
    { path = "/mcp", raw, meta = {} } = {},
  ) => {
    const { headers, body } = modernRequest(method, { ...params }, { meta });
    const text = raw === undefined ? body : body.replace('"$RAW"', raw);
    const { taskId } = params as { taskId?: string };
    const named = taskId === undefined ? {} : { "mcp-name": taskId };
    const sent = { ...headers, ...named, authorization, host: "127.0.0.1" };
    const request = new Request(`http://127.0.0.1${path}`, {
      method: "POST",
      headers: sent,
      body: text,
    });
    const response = await send(request);
    const got = await response.text();
    return { status: response.status, text: got, json: () => JSON.parse(got) as JsonAnswer };
  };
  return {
    upstream,
    plugins: fakes,
    ask,
    call: async (args = {}) =>
      (await ask("tools/call", { name: "x__echo", arguments: args })).json(),
    records: async () =>
      (await readFile(join(folder, "audit.jsonl"), "utf8"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as ExchangeRecord & { kind: string })
        .filter(({ kind }) => kind === "exchange"),
    explain: gateway.explain,
    send,
    close: async () => {
      await gateway.giveWay();
      await foundation.close();
      await upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
