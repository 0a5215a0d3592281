import { createHash, createHmac, randomBytes } from "node:crypto";
import type { Clock, Crypto, Files, Log } from "../../src/core/index.ts";
import { type Json, type JsonObject, reread } from "../../src/mcp/index.ts";
import {
  type Audit,
  type AuditFile,
  type AuditOptions,
  type AuditView,
  openAudit,
} from "../../src/audit/index.ts";

export const crypto: Crypto = {
  sha256: (data) => createHash("sha256").update(data).digest("hex"),
  hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest("hex"),
  randomBytes: (count) => new Uint8Array(randomBytes(count)),
  equal: () => {
    throw new Error("Not used by the audit");
  },
};

export interface FakeClock extends Clock {
  /** Runs what falls due, in order, and lets promises settle in between. */
  readonly advance: (ms: number) => Promise<void>;
  readonly timers: () => number;
}

export function createFakeClock(start = Date.parse("2026-03-01T12:00:00.000Z")): FakeClock {
  let now = start;
  let timers: { at: number; act: () => void }[] = [];
  return {
    now: () => now,
    elapsed: () => now - start,
    after: (ms, act) => {
      const timer = { at: now + ms, act };
      timers.push(timer);
      return { cancel: () => (timers = timers.filter((each) => each !== timer)) };
    },
    advance: async (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = timers.filter((each) => each.at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((each) => each !== next);
        now = next.at;
        next.act();
        await settle();
      }
      now = end;
      await settle();
    },
    timers: () => timers.length,
  };
}

/** Lets everything that waits for no timer run to its end. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++)
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
}

export interface FakeFiles extends Files {
  readonly texts: Map<string, string>;
  /** How often `append` was called with success. */
  appends: number;
  /** What the next appends do: keep only so many characters and reject, or never settle. */
  fault: { readonly kept: number } | "hang" | undefined;
  /** Lets the append that hangs succeed. */
  letGo: () => void;
}

export function createFakeFiles(): FakeFiles {
  const texts = new Map<string, string>();
  const readText = async (path: string): Promise<string> => {
    const text = texts.get(path);
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
  const files: FakeFiles = {
    texts,
    appends: 0,
    fault: undefined,
    letGo: () => undefined,
    readText,
    readTail: async (path, maxBytes) => {
      const text = texts.get(path);
      return text === undefined ? undefined : Buffer.from(text).subarray(-maxBytes).toString();
    },
    list: async (folder) =>
      [...texts.keys()].flatMap((path) =>
        path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : [],
      ),
    readLines: async function* (path) {
      const lines = (await readText(path)).split("\n");
      if (lines.at(-1) === "") lines.pop();
      yield* lines;
    },
    openAppend: async (path) => {
      texts.set(path, texts.get(path) ?? "");
      const add = (text: string): void => void texts.set(path, (texts.get(path) ?? "") + text);
      return {
        append: async (text) => {
          const { fault } = files;
          if (fault === "hang") await new Promise<void>((resolve) => (files.letGo = resolve));
          else if (fault !== undefined) {
            add(text.slice(0, fault.kept));
            throw new Error("ENOSPC");
          }
          add(text);
          files.appends++;
        },
        close: async () => undefined,
      };
    },
  };
  return files;
}

export interface FakeLog extends Log {
  readonly lines: string[];
}
export function createFakeLog(): FakeLog {
  const lines: string[] = [];
  const add = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return {
    lines,
    debug: add("debug"),
    info: add("info"),
    warn: add("warn"),
    error: add("error"),
  };
}

export const path = "/logs/audit.jsonl";

export type BenchOptions = Partial<AuditOptions> & { readonly clean?: AuditView["clean"] };
/** An audit whose config never changes. */
export type OneView = Audit & Pick<AuditFile, "close">;

export interface Bench {
  readonly files: FakeFiles;
  readonly clock: FakeClock;
  readonly log: FakeLog;
  readonly open: (options?: BenchOptions) => Promise<OneView>;
  /** The same with as many views as a test asks for. */
  readonly openFile: (options?: BenchOptions) => Promise<AuditFile>;
  readonly view: (view?: Partial<AuditView>) => AuditView;
  readonly text: () => string;
  readonly lines: () => string[];
  readonly records: () => Record<string, unknown>[];
}

/** An audit on fakes; `open` a second time is a restart. */
export function createBench(settings: Partial<AuditView["settings"]> = {}): Bench {
  const files = createFakeFiles();
  const clock = createFakeClock();
  const log = createFakeLog();
  const text = (): string => files.texts.get(path) ?? "";
  const lines = (): string[] => text().split("\n").slice(0, -1);
  const view: Bench["view"] = (other = {}) => ({
    settings: { arguments: true, results: false, onFull: "refuse", ...settings },
    config: "c0ffee",
    clean: removeSecrets,
    ...other,
  });
  const openFile: Bench["openFile"] = ({ clean = removeSecrets, ...options } = {}) =>
    openAudit({
      path,
      instance: "one",
      ports: { files, clock, crypto, log },
      first: view({ clean }),
      ...options,
    });
  return {
    files,
    clock,
    log,
    text,
    lines,
    records: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
    view,
    openFile,
    open: async (options = {}) => {
      const file = await openFile(options);
      const { clean = removeSecrets } = options;
      return { ...file.under(view({ clean })), close: file.close };
    },
  };
}

/** Stands for the sanitizer: one format of secrets. */
export function removeSecrets(json: Json): { readonly json: Json } {
  const { source, node } = json;
  const text = source.slice(node.start, node.end);
  return { json: reread(text.replaceAll(/sk-[a-z0-9]{20,}/g, "[redacted]")) };
}

export function toJson(value: unknown): JsonObject {
  return reread(typeof value === "string" ? value : JSON.stringify(value)) as JsonObject;
}

export async function write(audit: Audit, entry: Parameters<Audit["refused"]>[0] | object = {}) {
  const reservation = audit.reserve();
  if (reservation === undefined) throw new Error("The audit is full");
  await reservation.write({ time: 0, decision: "allowed", ...entry });
}

export async function* toLines(text: string): AsyncIterable<string> {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  yield* lines;
}
