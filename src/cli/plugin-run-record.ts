/** `mcp-gw plugin run --record`: what a gateway asked a plugin, asked again and kept as a fixture. */
import { resolvePath } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  type Hook,
  type HookEnd,
  type PluginPool,
  createCannedHost,
  nameOf,
  openTrials,
  toCtx,
} from "../sandbox/index.ts";
import { toFixtureText } from "./fixture-file.ts";
import type { Output } from "./output.ts";
import { type KeepOptions, type KeepRuntime, keepFixture, toFixture } from "./plugin-keep.ts";
import { type LoadedSubject, findFileFault, loadSubject, withPool } from "./plugin-load.ts";
import { type RecordedQuestion, rebuild } from "./plugin-rebuild.ts";
import { type RecordedExchange, findExchange, findHit } from "./plugin-recorded.ts";
import { toCallFacts, toLoadLine, toRemark } from "./plugin-run-output.ts";
import { orReadFault } from "./record-source.ts";
import { toSafeLine } from "./safe-text.ts";
import { toTable } from "./table.ts";

export interface RecordOptions extends KeepOptions {
  /** An audit file. */
  readonly record: string;
  readonly hook: Hook | undefined;
  readonly stage: "consult" | "review" | undefined;
  readonly kv: boolean;
  readonly accept: boolean;
  readonly json: boolean;
}
export type RecordRuntime = KeepRuntime & Pick<Runtime, "files">;

/** The exit code: 0 there is a fixture, 1 there is none, and why is told, 2 wrong usage. */
export async function runRecorded(
  options: RecordOptions,
  runtime: RecordRuntime,
  output: Output,
): Promise<number> {
  const { record, request, file, json, hook, stage } = options;
  const { err, out } = output;
  const wrong = await findFileFault(file, runtime);
  if (wrong !== undefined) {
    err(wrong);
    return 2;
  }
  const exchange = await readExchange(options, runtime, output);
  if (exchange === undefined) return 1;
  if (exchange === "none") {
    err(`No record of an exchange has the id "${toSafeLine(request, 100)}" (in ${record})`);
    return 1;
  }
  return withPool(runtime, runtime.log, async (pool) => {
    const loaded = await loadSubject(file, pool, runtime);
    if ("faults" in loaded) {
      if (json) out(toLoadLine(loaded.faults.join("\n")));
      for (const fault of loaded.faults) err(fault);
      return 1;
    }
    const { traits, subject } = loaded;
    const plugin = { traits, sha256: subject.code.sha256 };
    const hit = findHit(exchange, plugin, { hook, stage });
    const question = "fault" in hit ? hit : rebuild(exchange, hit, plugin);
    if (!("fault" in question)) return ask(question, loaded, { options, pool, runtime, output });
    err(toSafeLine(question.fault, 1_000));
    return 1;
  });
}

async function readExchange(
  { record, request }: RecordOptions,
  { cwd, files }: RecordRuntime,
  output: Output,
): Promise<RecordedExchange | "none" | undefined> {
  const path = resolvePath(cwd(), record);
  return orReadFault(
    [path],
    output,
    async () => (await findExchange(files, path, request)) ?? "none",
  );
}

interface Ground {
  readonly options: RecordOptions;
  readonly pool: PluginPool;
  readonly runtime: RecordRuntime;
  readonly output: Output;
}

async function ask(
  question: RecordedQuestion,
  loaded: LoadedSubject,
  ground: Ground,
): Promise<number> {
  const { options, pool, runtime, output } = ground;
  const { subject, traits } = loaded;
  const end = await runOnce(question, loaded, ground);
  const fixture = toFixture(question, end, options);
  const { verdict } = question.said;
  const now = nameOf(end.outcome);
  const isKept = now === verdict || options.accept;
  const needsKv = !options.kv && traits.permissions.kv !== undefined;
  const ways = [
    ...(needsKv ? ["--kv grants the kv that it asks for"] : []),
    "--accept keeps what it says now",
  ].join(", ");
  const kept = isKept
    ? await keepFixture(fixture, subject, options, { pool, runtime })
    : { fault: `The record says ${verdict} and the plugin ${now}, so nothing is kept (${ways})` };
  const notes = toNotes(question, loaded);
  if (options.json) {
    const text = "fault" in kept ? undefined : toFixtureText(fixture);
    output.out(toJsonLine(question, end, { request: options.request, notes, text, ...kept }));
  } else {
    // What is printed as a fixture can be sent on as it is.
    const print = options.out === "-" ? output.err : output.out;
    print(toTable(["", "outcome", "version", ""], toRows(question, loaded, end)));
    for (const note of notes) print(toSafeLine(note, 300));
    if (!("fault" in kept)) {
      const { word } = kept;
      output.out(
        word === undefined ? toFixtureText(fixture) : `Wrote "${fixture.name}" to ${word}`,
      );
    }
  }
  if (!("fault" in kept)) return 0;
  output.err(toSafeLine(kept.fault, 1_000));
  return 1;
}

async function runOnce(
  { hook, input, ctx, client, now }: RecordedQuestion,
  { subject, traits }: LoadedSubject,
  { options, pool, runtime }: Ground,
): Promise<HookEnd> {
  const { config, kv } = options;
  const host = createCannedHost(
    {
      name: traits.name,
      kv: kv ? traits.permissions.kv : undefined,
      fetch: [],
      wallMs: subject.limits.wallMs,
      replies: new Map(),
      now: () => now,
    },
    runtime,
  );
  const trials = openTrials(subject, pool);
  const about = { hook, input, ctx: toCtx(hook, input, { ctx }), config, client, now };
  const end = await trials.run({ ...about, host: host.forCall(client) });
  await trials.close();
  return end;
}

function toNotes({ said, notes }: RecordedQuestion, { subject }: LoadedSubject): readonly string[] {
  if (said.sha256 !== "" && subject.code.sha256.startsWith(said.sha256)) return notes;
  return [`Its files have changed since: they were those of ${said.sha256}`, ...notes];
}

function toRows(
  { said }: RecordedQuestion,
  { traits }: LoadedSubject,
  end: HookEnd,
): readonly (readonly string[])[] {
  const { version, verdict, mode, why = "" } = said;
  const of = mode === "shadow" ? "record, shadow" : "record";
  return [
    [of, toSafeLine(verdict, 40), toSafeLine(version, 40), toSafeLine(why, 200)],
    ["now", nameOf(end.outcome), traits.version, toSafeLine(toRemark(end.outcome), 200)],
  ];
}

interface KeptFacts {
  readonly request: string;
  readonly notes: readonly string[];
  /** Of the fixture; absent where there is none. */
  readonly text: string | undefined;
  readonly word?: string | undefined;
  readonly fault?: string | undefined;
}

function toJsonLine(
  { hook, said }: RecordedQuestion,
  end: HookEnd,
  { request, notes, text, word, fault }: KeptFacts,
): string {
  const { name, version, sha256, stage, verdict, mode, why } = said;
  const recorded = { name, version, sha256, stage, verdict, mode, why };
  const fixture = text === undefined ? null : (JSON.parse(text) as unknown);
  const kept = { fixture, file: word ?? null, ...(fault !== undefined && { fault }) };
  return JSON.stringify({ request, hook, recorded, ...toCallFacts(hook, end), ...kept, notes });
}
