/** Links to real processes, without the rest of the room. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Cancellation, Clock, Failure, Log } from "../../src/core/index.ts";
import { type NotificationMessage, textOf } from "../../src/mcp/index.ts";
import type { Link, LinkCall, LinkCaller, LinkMessage } from "../../src/upstreams/link.ts";
import { isAlone, isFailure } from "../../src/upstreams/link.ts";
import { openStdioTransport } from "../../src/upstreams/stdio/transport.ts";
import { caller, json, never, runtime, toConfig } from "./harness.ts";

const talker = fileURLToPath(new URL("fixtures/talker.js", import.meta.url));
export const form = '{"elicitation":{"form":{}}}';

export interface Talker {
  readonly link: (client?: string, capabilities?: string, subject?: string) => Promise<Link>;
  readonly scope: (client: string, capabilities: string, subject?: string) => string | undefined;
  /** What the processes have seen, line by line. */
  readonly seen: () => Promise<string[]>;
  /** `list scope` for each change that was told. */
  readonly changes: readonly string[];
  readonly logged: readonly string[];
  readonly close: () => Promise<void>;
}

export interface TalkerSettings {
  readonly isolate?: "subject" | "client" | "shared";
  readonly clock?: Clock;
}

export async function openTalker(mode: string, settings: TalkerSettings = {}): Promise<Talker> {
  const folder = await mkdtemp(join(tmpdir(), "stdio-"));
  const file = join(folder, "seen");
  const { isolate = "client", clock = runtime.clock } = settings;
  const upstream = { command: process.execPath, args: [talker, mode, file], isolate };
  const config = toConfig({ upstreams: { it: upstream } }).upstreams["it"];
  if (config === undefined || !("command" in config)) throw new Error("No process");
  const logged: string[] = [];
  const changes: string[] = [];
  const write = (message: string, fields?: object) => logged.push(message + JSON.stringify(fields));
  const log: Log = { debug: write, info: write, warn: write, error: write };
  let last = 0;
  const transport = openStdioTransport({
    upstream: "it",
    kind: "stdio",
    isolate,
    program: async () => config,
    cwd: folder,
    env: {},
    secrets: [],
    spawn: runtime.spawn,
    clock,
    log,
    notice: write,
    maxLineBytes: 1_000_000,
    onListChange: (list, scope) => changes.push(`${list} ${scope}`),
    clientInfo: '{"name":"test","version":"1"}',
    nextId: () => ++last,
    startMs: 5_000,
  });
  const toCaller = (client: string, capabilities: string, subject?: string): LinkCaller => ({
    ...caller(client, {}, subject),
    capabilities,
  });
  return {
    link: async (client = "a", capabilities = "{}", subject) => {
      const link = await transport.connect(toCaller(client, capabilities, subject), never);
      if (isFailure(link)) throw new Error(link.why);
      return link;
    },
    scope: (client, capabilities, subject) =>
      transport.scope(toCaller(client, capabilities, subject)),
    seen: async () => (await readFile(file, "utf8").catch(() => "")).split("\n"),
    changes,
    logged,
    close: async () => {
      await transport.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let ids = 1_000;

export function toCall(name: string, more: Partial<LinkCall> = {}): LinkCall {
  return {
    id: ++ids,
    method: "tools/call",
    params: json(`{"name":"${name}"}`),
    progressToken: undefined,
    logLevel: undefined,
    capabilities: "{}",
    headers: {},
    paramHeaders: [],
    maxBytes: 1_000_000,
    ...more,
  };
}

/** The messages of a call, one at a time. */
export async function start(
  link: Link,
  name: string,
  more: Partial<LinkCall> = {},
  signal: Cancellation = never,
): Promise<AsyncIterator<LinkMessage>> {
  const answer = await link.exchange(toCall(name, more), signal);
  if (isAlone(answer)) throw new Error("No stream");
  return answer[Symbol.asyncIterator]();
}

export async function next(messages: AsyncIterator<LinkMessage>): Promise<LinkMessage> {
  const { value, done } = await messages.next();
  if (done === true) throw new Error("It has ended");
  return value;
}

/** The end of a call as text. */
export async function end(link: Link, name: string, more: Partial<LinkCall> = {}): Promise<string> {
  const answer = await link.exchange(toCall(name, more), never);
  if (isAlone(answer)) throw new Error("No stream");
  for await (const message of answer) {
    if (message.kind === "result") return textOf(message.result);
    if (message.kind === "failure") return message.code;
    if (message.kind === "error") return String(message.code);
  }
  throw new Error("It has no end");
}

export async function pidOf(link: Link): Promise<number> {
  return (JSON.parse(await end(link, "pid")) as { pid: number }).pid;
}

/** What is told, as texts that grow as it comes; `over` settles at the end. */
export function gather(changes: AsyncIterable<NotificationMessage> | Failure) {
  if (isFailure(changes)) throw new Error(changes.why);
  const texts: string[] = [];
  const read = async () => {
    for await (const { method, params } of changes) {
      texts.push(`${method.slice("notifications/".length)} ${params ? textOf(params) : ""}`);
    }
  };
  return { texts, over: read() };
}
