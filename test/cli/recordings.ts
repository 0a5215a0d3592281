/** Recordings made by hand and by the audit itself, and the commands that read them. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RecordedCall, readCall } from "../../src/audit/index.ts";
import type { ReplayOptions } from "../../src/cli/replay.ts";
import { replay } from "../../src/cli/replay.ts";
import type { PluginHit, Redaction } from "../../src/core/index.ts";
import { createDecide } from "../../src/cli/replay-decide.ts";
import { type SuggestOptions, suggestLists } from "../../src/cli/suggest.ts";
import { type Config, type ConfigInput, parseConfig } from "../../src/config/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { createBench, crypto, toJson, write } from "../audit/fakes.ts";
import { handClock } from "../stores/ports.ts";

const auth = { tokenSha256: "0".repeat(64) };
export const url = "http://127.0.0.1:9/mcp";

type Allow = NonNullable<ConfigInput["clients"]>[string]["allow"];

/** One upstream `x`; client `a` with these rights, or all. */
export function toInput(
  rules: NonNullable<ConfigInput["rules"]> = [],
  allow: Allow = { tools: ["*"], resources: ["*"], prompts: ["*"] },
): ConfigInput {
  return { upstreams: { x: { url } }, clients: { a: { auth, allow } }, rules };
}

export function toConfig(input: ConfigInput): Config {
  const { config, faults } = parseConfig(input, {
    sha256: (text: string) => createHash("sha256").update(text).digest("hex"),
    randomBytes,
    now: Date.now(),
  } as unknown as Parameters<typeof parseConfig>[1]);
  if (config === undefined) throw new Error(JSON.stringify(faults));
  return config;
}

export interface Made {
  readonly client?: string;
  readonly subject?: string;
  readonly address?: string;
  readonly method?: string;
  readonly upstream?: string | undefined;
  readonly target?: string | undefined;
  /** JSON, or what becomes JSON. */
  readonly args?: unknown;
  readonly decision?: "allowed" | "denied" | "failed" | "cancelled";
  readonly stage?: string;
  readonly code?: string;
  readonly time?: number;
  readonly rules?: readonly {
    readonly name: string;
    readonly then: string;
    readonly mode: string;
  }[];
  readonly plugins?: readonly PluginHit[];
  readonly eras?: { readonly client: "modern" | "legacy" };
  /** JSON, or what becomes JSON. */
  readonly result?: unknown;
  readonly redactions?: readonly Redaction[];
}

/** As the audit writes it; an allowed `tools/call` of `x/get` by `a`, unless told otherwise. */
export async function makeLines(
  calls: readonly Made[],
  settings: { readonly arguments?: boolean; readonly results?: boolean } = {},
): Promise<readonly string[]> {
  const bench = createBench(settings);
  const audit = await bench.open();
  for (const [index, { args, result, ...call }] of calls.entries()) {
    await write(audit, {
      time: Date.parse("2026-03-01T12:00:00Z"),
      id: `r${index}`,
      client: "a",
      method: "tools/call",
      upstream: "x",
      target: "get",
      decision: "allowed",
      stage: call.decision === "denied" ? "authorize" : "respond",
      ...(args !== undefined && { args: toJson(args) }),
      ...(result !== undefined && { result: toJson(result) }),
      ...call,
    });
  }
  await audit.close();
  return bench.lines();
}

export async function makeCalls(
  calls: readonly Made[],
  settings: { readonly arguments?: boolean } = {},
): Promise<readonly RecordedCall[]> {
  const read = (await makeLines(calls, settings)).map(readCall);
  return read.filter((call) => typeof call !== "string");
}

/** A code, `"allowed"`, or why it cannot be told. */
export function decideOne(config: Config, call: RecordedCall): string {
  const answer = createDecide(config, { clock: handClock(Date.now()), crypto })(call);
  return "doubt" in answer ? `doubt: ${answer.doubt}` : (answer.code ?? "allowed");
}

export interface Ran {
  readonly exit: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
  readonly shown: readonly string[];
}
export interface Folder {
  readonly path: string;
  readonly write: (name: string, text: string) => Promise<void>;
  readonly replay: (
    paths?: readonly string[],
    options?: Partial<ReplayOptions>,
    isSeen?: boolean,
  ) => Promise<Ran>;
  readonly suggest: (paths?: readonly string[], options?: Partial<SuggestOptions>) => Promise<Ran>;
  readonly close: () => Promise<void>;
}

export async function openFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "replay-"));
  const real = await openRuntime();
  const run = async (
    isSeen: boolean,
    act: (
      runtime: Runtime,
      output: { out: (text: string) => void; err: (text: string) => void },
    ) => Promise<number>,
  ): Promise<Ran> => {
    const [out, err, shown]: string[][] = [[], [], []];
    const progress = {
      ...real.progress,
      isSeen: () => isSeen,
      show: (text: string) => void shown!.push(text),
    };
    const exit = await act(
      { ...real, cwd: () => path, progress },
      { out: (text) => void out!.push(text), err: (text) => void err!.push(text) },
    );
    return { exit, out: out!, err: err!, shown: shown! };
  };
  return {
    path,
    write: (name, text) => writeFile(join(path, name), text),
    replay: (paths = [], options = {}, isSeen = false) =>
      run(isSeen, (runtime, output) =>
        replay({ paths, limit: "50", json: false, ...options }, runtime, output),
      ),
    suggest: (paths = [], options = {}) =>
      run(false, (runtime, output) =>
        suggestLists({ paths, json: false, ...options }, runtime, output),
      ),
    close: () => rm(path, { recursive: true, force: true }),
  };
}
