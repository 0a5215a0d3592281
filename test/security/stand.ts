/** A whole gateway before an upstream that counts, for tests of what must not get through. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { type ConfigInput, parseConfig } from "../../src/config/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { startGateway } from "../../src/serve.ts";
import { type EchoBehaviour, type EchoServer, startEchoServer } from "../e2e/echo-server.ts";
import { modernRequest, post, tokenA } from "../e2e/gateway.ts";
import { type RawConnection, openRaw } from "../runtime/raw.ts";

export interface Stand {
  readonly upstream: EchoServer;
  readonly url: string;
  readonly port: number;
  /** All that the gateway wrote of itself so far: its audit file and its log. */
  readonly trace: () => Promise<string>;
  readonly records: () => Promise<readonly Record<string, unknown>[]>;
  readonly close: () => Promise<void>;
}
export interface StandSettings {
  readonly upstream?: EchoBehaviour;
  readonly config: (upstreamUrl: string) => ConfigInput;
  /** Parts of the ground that a test changes or watches. */
  readonly ground?: (runtime: Runtime) => Partial<Runtime>;
}

export async function openStand(settings: StandSettings): Promise<Stand> {
  const upstream = await startEchoServer(settings.upstream);
  const folder = await mkdtemp(join(tmpdir(), "security-"));
  const lines: string[] = [];
  const say = (message: string, fields: object = {}) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const own = await openRuntime();
  const log = { debug: say, info: say, warn: say, error: say };
  const runtime = { ...own, log, ...settings.ground?.(own) };
  const input = settings.config(upstream.url);
  const { config, faults } = parseConfig(input, { ...runtime.crypto, now: Date.now() });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  const loaded = {
    config,
    folder,
    file: "",
    digest: "test",
    faults: [],
    watched: { secrets: [], sources: [] },
  };
  const started = await startGateway({ loaded, runtime, port: 0 });
  const audit = () => readFile(join(folder, "audit.jsonl"), "utf8");
  return {
    upstream,
    url: started.url,
    port: Number(new URL(started.url).port),
    trace: async () => (await audit()) + lines.join("\n"),
    records: async () =>
      (await audit())
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ kind }) => kind === "exchange"),
    close: async () => {
      await started.close(200);
      await upstream.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A rate that no test reaches by accident. */
export const plenty = { burst: 100_000, perSecond: 1_000 };

let addresses = 0;
/**
 * An address that no other test came from, for stands that trust their peer as a proxy: failures
 * are counted per address, and one test's must not refuse the next.
 */
export function freshAddress(): string {
  addresses += 1;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
}

export const callOf = (name: string, args: object = {}, options: object = {}) =>
  modernRequest("tools/call", { name, arguments: args }, options);

/** A request as bytes; headers of the same name are sent as often as they stand there. */
export function toBytes(
  line: string,
  headers: readonly (readonly [name: string, value: string])[],
  body = "",
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${line} HTTP/1.1\r\n${lines}\r\n${body}`;
}

/** A good call as bytes, but for the headers that a test puts in the place of its own. */
export function rawCall(
  name: string,
  replaced: readonly (readonly [name: string, value: string])[] = [],
  target = "/mcp",
): string {
  const { headers, body } = callOf(name);
  const own = Object.entries({
    host: "127.0.0.1",
    connection: "close",
    authorization: `Bearer ${tokenA}`,
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
  });
  const names = new Set(replaced.map(([each]) => each.toLowerCase()));
  const kept = own.filter(([each]) => !names.has(each));
  return toBytes(`POST ${target}`, [...kept, ...replaced], body);
}

/** What one connection was answered, once it is closed or quiet after `enough`. */
export async function answerOf(connection: RawConnection, enough: string): Promise<string> {
  const text = await connection.until(enough);
  connection.socket.destroy();
  return text;
}

export const sendUntil = (port: number, bytes: string, enough: string): Promise<string> =>
  answerOf(openRaw(port, bytes), enough);

/** A legacy session, and what to send in it. */
export async function openSession(url: string, token = tokenA, revision = "2025-11-25") {
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  };
  const clientInfo = { name: "test", version: "1" };
  const params = { protocolVersion: revision, capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params });
  const answer = await post(url, { headers, body }, token);
  const session = answer.headers.get("mcp-session-id") ?? "";
  expect(session).not.toBe("");
  const send = (message: object | string) =>
    post(
      url,
      {
        headers: { ...headers, "mcp-session-id": session },
        body: typeof message === "string" ? message : JSON.stringify(message),
      },
      token,
    );
  return {
    session,
    send,
    ask: (method: string, params: object = {}, id: number | string = 1) =>
      send({ jsonrpc: "2.0", id, method, params }),
  };
}

/** An answer without what differs from one exchange to the next. */
export function withoutId(text: string): string {
  return text.replace(/"requestId":"[^"]*"/g, "");
}
