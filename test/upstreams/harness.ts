/** What the tests of this room share: real upstreams opened on the real ground, and who asks them. */
import { tmpdir } from "node:os";
import { type Config, type ConfigInput, parseConfig } from "../../src/config/index.ts";
import {
  type AnswerMessage,
  type ClientIdentity,
  type Clock,
  type Log,
  createKeyring,
} from "../../src/core/index.ts";
import { type InputKind, type JsonObject, methods, reread, textOf } from "../../src/mcp/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import {
  type Upstream,
  type UpstreamCaller,
  type UpstreamRequest,
  type Upstreams,
  createUpstreamPool,
} from "../../src/upstreams/index.ts";

export const runtime = await openRuntime();

export interface Opened extends Upstreams {
  readonly the: (name: string) => Upstream;
  readonly logged: readonly string[];
}

export interface OpenExtras {
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly folder?: string;
  /** Makes of a good config one that the config's own checks would refuse. */
  readonly spoil?: (config: Config) => void;
  /** What every client may be asked for; nothing where it is not said. */
  readonly granted?: readonly InputKind[];
}

export function toConfig(input: ConfigInput): Config {
  const { config, faults } = parseConfig(input, { sha256: runtime.crypto.sha256, now: 0 });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  return config;
}

export function open(upstreams: ConfigInput["upstreams"], extras: OpenExtras = {}): Opened {
  const config = toConfig({ upstreams });
  extras.spoil?.(config);
  const logged: string[] = [];
  const write = (message: string, fields?: object) => logged.push(message + JSON.stringify(fields));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const granted = new Set(extras.granted);
  const about = {
    folder: extras.folder ?? tmpdir(),
    version: "1.2.3",
    env: extras.env ?? process.env,
    instance: "test",
  };
  const { seals } = createKeyring([], runtime.crypto.randomBytes);
  const ports = { ...runtime, log, clock: extras.clock ?? runtime.clock, seals };
  const opened = createUpstreamPool(about, ports).open(config, () => granted);
  const the = (name: string): Upstream => {
    const upstream = opened.get(name);
    if (upstream === undefined) throw new Error(`No upstream "${name}"`);
    return upstream;
  };
  return { ...opened, the, logged };
}

export function caller(
  name = "web-app",
  more: Partial<UpstreamCaller["caller"]> = {},
  subject?: string,
): UpstreamCaller {
  const client: ClientIdentity = { name, subject };
  return {
    client,
    caller: {
      era: "modern",
      revision: "2026-07-28",
      capabilities: undefined,
      clientInfo: undefined,
      logLevel: undefined,
      session: undefined,
      ...more,
    },
  };
}

export function json(text: string): JsonObject {
  return reread(text) as JsonObject;
}

export function request(
  method: string,
  params: string | undefined,
  more: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  return {
    ...caller(),
    method,
    params: params === undefined ? undefined : json(params),
    headers: {},
    paramHeaders: [],
    maxBytes: 1_000_000,
    asks: methods.get(method)?.asks === true,
    refused: undefined,
    ...more,
  };
}

export function callTool(name: string, args = "{}", more: Partial<UpstreamRequest> = {}) {
  return request("tools/call", `{"name":${JSON.stringify(name)},"arguments":${args}}`, more);
}

/** A message as one comparable text. */
export function shown(message: AnswerMessage): string {
  switch (message.kind) {
    case "notification":
    case "request":
      return `${message.method} ${message.params ? textOf(message.params) : ""}`;
    case "result":
      return textOf(message.result);
    case "error":
      return `error ${message.code} ${message.message}`;
    case "failure":
      return message.code;
  }
}

export async function collect(
  upstream: Upstream,
  asked: UpstreamRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<AnswerMessage[]> {
  const messages: AnswerMessage[] = [];
  for await (const message of upstream.send(asked, signal)) messages.push(message);
  return messages;
}

export async function ask(upstream: Upstream, asked: UpstreamRequest): Promise<AnswerMessage> {
  const last = (await collect(upstream, asked)).at(-1);
  if (last === undefined) throw new Error("Nothing came");
  return last;
}

export const never = new AbortController().signal;

export async function keysOf(upstream: Upstream, kind: "tools" | "resources" | "prompts") {
  const listing = await upstream.list(kind, caller(), new AbortController().signal);
  return "kind" in listing ? listing.code : listing.items.map((item) => item.key);
}

/** Waits until `is` holds; it fails after five seconds. */
export async function eventually(is: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (is()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("It did not come true within five seconds");
}

/** A clock that moves only when told; its timers run in order. */
export function createFakeClock(): Clock & { readonly advance: (ms: number) => Promise<void> } {
  let now = 1_000_000;
  const timers = new Set<{ readonly at: number; readonly act: () => void }>();
  return {
    now: () => now,
    elapsed: () => now,
    after: (ms, act) => {
      const timer = { at: now + ms, act };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    advance: async (ms) => {
      const until = now + ms;
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.act();
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = until;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
