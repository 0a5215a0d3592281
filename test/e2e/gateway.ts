/** Starts a whole gateway on a free port of loopback, for tests that speak to it from outside. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigInput, parseConfig } from "../../src/config/index.ts";
import { type BlockList, type Operations, Secret } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { type Started, startGateway } from "../../src/serve.ts";

export interface RunningGateway {
  readonly url: string;
  /** Where operators reach it, if they do. */
  readonly adminUrl: string | undefined;
  readonly folder: string;
  /** The records so far, oldest first. */
  readonly records: () => Promise<Record<string, unknown>[]>;
  readonly blocks: BlockList;
  readonly operations: Operations;
  readonly close: () => Promise<void>;
}

export const tokenA = "a-token-of-client-a-that-is-long-enough";
export const tokenB = "b-token-of-client-b-that-is-long-enough";
export const authA = { token: new Secret(tokenA) };
export const authB = { token: new Secret(tokenB) };

/** Everything of every upstream. */
export const allowAll = { tools: ["*"], resources: ["*"], prompts: ["*"] };

export async function runGateway(
  input: ConfigInput,
  port = 0,
  more: { readonly digest?: string; readonly isAdministered?: boolean } = {},
): Promise<RunningGateway> {
  const folder = await mkdtemp(join(tmpdir(), "gateway-"));
  const runtime = await openRuntime();
  const { config, faults } = parseConfig(input, { ...runtime.crypto, now: Date.now() });
  if (config === undefined) throw new Error(JSON.stringify(faults));
  const loaded = {
    config,
    folder,
    file: "",
    digest: more.digest ?? "test",
    faults: [],
    watched: { secrets: [], sources: [] },
  };
  const started: Started = await startGateway({
    loaded,
    runtime,
    port,
    isAdministered: more.isAdministered ?? false,
  });
  return {
    url: started.url,
    adminUrl: started.adminUrl,
    folder,
    blocks: started.instance.operations.blocks,
    operations: started.instance.operations,
    records: async () => {
      const text = await readFile(join(folder, "audit.jsonl"), "utf8");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    close: async () => {
      await started.close(500);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The command of a server from npm that speaks on stdio. */
export function npmServer(name: string, ...args: string[]): { command: string; args: string[] } {
  const require = createRequire(import.meta.url);
  const file = require.resolve(`@modelcontextprotocol/${name}/dist/index.js`);
  return { command: process.execPath, args: [file, ...args] };
}

/** A modern request, headers and body in agreement unless told otherwise. */
export function modernRequest(
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  options: { id?: unknown; headers?: Record<string, string>; meta?: Record<string, unknown> } = {},
): { headers: Record<string, string>; body: string } {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
    ...options.meta,
  };
  const name = params["name"] ?? params["uri"];
  const named = ["tools/call", "prompts/get", "resources/read"].includes(method);
  return {
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(named && typeof name === "string" ? { "mcp-name": name } : {}),
      ...options.headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: options.id ?? 1,
      method,
      params: { ...params, _meta: meta },
    }),
  };
}

/** The members of a JSON-RPC answer that tests look at. */
export interface JsonAnswer {
  readonly id?: unknown;
  readonly code?: string;
  readonly result?: Record<string, unknown> & {
    readonly content?: readonly { readonly type: string; readonly text?: string }[];
    readonly isError?: boolean;
    readonly tools?: readonly { readonly name: string }[];
  };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly code: string };
  };
}

/** Posts a message and gives status, headers and body as they came. */
export async function post(
  url: string,
  request: { headers: Record<string, string>; body: string },
  token: string | null = tokenA,
): Promise<{ status: number; headers: Headers; text: string; json: () => JsonAnswer }> {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, {
    method: "POST",
    headers: { ...authorization, ...request.headers },
    body: request.body,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: () => JSON.parse(text) as JsonAnswer,
  };
}
