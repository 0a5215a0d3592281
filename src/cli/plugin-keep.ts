/** Makes a fixture of a recorded question and its answer, and keeps it where `plugin test` finds it. */
import { resolvePath } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  type HookEnd,
  type PluginPool,
  type Subject,
  fixturesOf,
  parseFixtures,
  runFixtures,
} from "../sandbox/index.ts";
import { type NewFixture, addFixture, toFixtureText } from "./fixture-file.ts";
import type { PluginRuntime } from "./plugin-load.ts";
import type { RecordedQuestion } from "./plugin-rebuild.ts";
import { toExpectation } from "./plugin-run-output.ts";

export interface KeepOptions {
  /** The plugin, as it was typed. */
  readonly file: string;
  /** JSON. */
  readonly config: string;
  readonly request: string;
  readonly name: string | undefined;
  /** `-` for nowhere: it is printed. */
  readonly out: string | undefined;
}

export function toFixture(
  { hook, input, ctx }: RecordedQuestion,
  { outcome }: HookEnd,
  { config, name, request }: KeepOptions,
): NewFixture {
  const given = JSON.stringify(JSON.parse(config));
  return {
    name: name ?? `${hook} ${request}`,
    members: {
      hook: JSON.stringify(hook),
      input,
      ctx,
      ...(given !== "{}" && { config: given }),
      expect: JSON.stringify(toExpectation(hook, outcome)),
    },
  };
}

/** It has to pass before it is written. `word` is the file, for people; absent where it is printed. */
export async function keepFixture(
  fixture: NewFixture,
  subject: Subject,
  { file, out }: KeepOptions,
  { pool, runtime }: { readonly pool: PluginPool; readonly runtime: KeepRuntime },
): Promise<{ readonly word: string | undefined } | { readonly fault: string }> {
  const { fixtures, faults } = parseFixtures(`[${toFixtureText(fixture)}]`);
  const [wrong] = faults;
  if (wrong !== undefined) return { fault: `It makes no fixture: ${wrong.where}: ${wrong.fault}` };
  const [result] = await runFixtures(subject, fixtures, { ...runtime, pool });
  if (result?.ok !== true) {
    return { fault: `As a fixture it would fail: ${result?.why ?? "it did not run"}` };
  }
  if (out === "-") return { word: undefined };
  const word = out ?? fixturesOf(file);
  const path = resolvePath(runtime.cwd(), word);
  const fault = await addFixture({ path, word }, fixture, runtime.config);
  return fault === undefined ? { word } : { fault };
}

export type KeepRuntime = PluginRuntime & Pick<Runtime, "config">;
