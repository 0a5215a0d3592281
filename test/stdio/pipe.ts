/** A client on a pipe, for tests: it writes lines and reads what comes back. */
import { createFakeClock } from "../audit/fakes.ts";
import { relay } from "../../src/stdio/index.ts";
import type { RelaySettings } from "../../src/stdio/index.ts";

export type Answer = Record<string, unknown> & {
  readonly id?: unknown;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: string };
  };
};

export interface Pipe {
  readonly say: (line: object | string | Uint8Array) => void;
  /** The next line that comes back. */
  readonly hear: () => Promise<Answer>;
  /** Lines that nobody heard yet. */
  readonly waiting: () => readonly string[];
  readonly logged: readonly string[];
  readonly clock: ReturnType<typeof createFakeClock>;
  /** Closes the client's side. */
  readonly end: () => void;
  readonly stop: () => void;
  /** Settles when the relay has ended. */
  readonly ended: Promise<void>;
}

export function openPipe(
  send: RelaySettings["send"],
  more: Partial<Pick<RelaySettings, "headers" | "url" | "maxLineBytes" | "write" | "clock">> = {},
): Pipe {
  const input: Uint8Array[] = [];
  const output: string[] = [];
  const logged: string[] = [];
  let isEnded = false;
  let wakeReader = (): void => undefined;
  let wakeHearer = (): void => undefined;
  async function* bytes(): AsyncIterable<Uint8Array> {
    for (;;) {
      const next = input.shift();
      if (next !== undefined) yield next;
      else if (isEnded) return;
      else await new Promise<void>((resolve) => (wakeReader = resolve));
    }
  }
  const log = (message: string, fields?: object): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const clock = createFakeClock();
  const stop = new AbortController();
  const ended = relay({
    input: bytes(),
    write: (text) => {
      output.push(text);
      wakeHearer();
      return Promise.resolve();
    },
    send,
    url: "http://127.0.0.1:8080/mcp",
    headers: {},
    maxLineBytes: 1_048_576,
    maxAnswerBytes: 16 * 1_048_576,
    clock,
    log: { debug: log, info: log, warn: log, error: log },
    stop: stop.signal,
    ...more,
  });
  return {
    say: (line) => {
      if (line instanceof Uint8Array) input.push(line);
      else {
        const text = typeof line === "string" ? line : JSON.stringify(line);
        input.push(new TextEncoder().encode(`${text}\n`));
      }
      wakeReader();
    },
    hear: async () => {
      while (output.length === 0) await new Promise<void>((resolve) => (wakeHearer = resolve));
      const line = output.shift() ?? "";
      if (line.indexOf("\n") !== line.length - 1) throw new Error(`Not one line: ${line}`);
      return JSON.parse(line) as Answer;
    },
    waiting: () => output,
    logged,
    clock,
    end: () => {
      isEnded = true;
      wakeReader();
    },
    stop: () => stop.abort(),
    ended,
  };
}

const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

export function modern(id: unknown, method: string, params: object = {}): object {
  return { jsonrpc: "2.0", id, method, params: { ...params, _meta: meta } };
}

export function legacy(id: unknown, method: string, params: object = {}): object {
  return { jsonrpc: "2.0", id, method, params };
}

export const initialize = legacy(0, "initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "t", version: "1" },
});

export const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };

export function cancelled(requestId: unknown): object {
  return { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } };
}
