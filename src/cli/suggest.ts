/** `mcp-gw suggest`: the tightest allow-lists that a recording would have passed. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import type { Config } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import { type SourceOptions, openSource, readSource, toSourceArgs } from "./record-source.ts";
import { toSettled } from "./replay-recorded.ts";
import { type Used, createCollector } from "./suggest-collect.ts";
import { type Suggestion, toSuggestJson, toSuggestLines } from "./suggest-output.ts";
import { toAllowLists } from "./suggest-patterns.ts";
import { findUnused } from "./suggest-unused.ts";

export const suggestCommand = defineCommand({
  meta: {
    name: "suggest",
    description:
      "Proposes the tightest allow-lists that recorded calls would have passed, and names grants that nobody used. Example: mcp-gw suggest audit.jsonl",
  },
  args: {
    ...toSourceArgs("Whose grants are looked at"),
    patterns: {
      type: "string",
      description: "Write one pattern for N or more names that begin alike (default: exact names)",
      valueHint: "N",
    },
    json: {
      type: "boolean",
      description: "Print { clients, unused, leftOut, … }",
      default: false,
    },
  },
  run: async ({ args }) =>
    suggestLists(
      { ...args, paths: args._, envFile: args["env-file"] },
      await openRuntime(),
      consoleOutput,
    ),
});

export interface SuggestOptions extends SourceOptions {
  readonly patterns?: string | undefined;
  readonly json: boolean;
}

/** The exit code: 0 good, 1 where calls that passed are not in the lists, 2 wrong usage. */
export async function suggestLists(
  options: SuggestOptions,
  runtime: Runtime,
  output: Output,
): Promise<number> {
  const { patterns } = options;
  if (patterns !== undefined && !/^(?:[3-9]|[1-9]\d{1,5})$/.test(patterns)) {
    output.err(`Cannot read --patterns ${JSON.stringify(patterns)}: it must be a number from 3 up`);
    return 2;
  }
  const source = await openSource(options, runtime, output);
  if (source === undefined) return 2;
  const collector = createCollector();
  const walked = await readSource(source, runtime, output, (call) => {
    const settled = toSettled(call);
    if (typeof settled !== "string") collector.add(call, settled);
  });
  if (walked === undefined) return 2;
  const { used, ...rest } = collector.close();
  const config = source.loaded?.config;
  const siblings = patterns === undefined ? undefined : Number(patterns);
  const clients = [...used]
    .filter(([, { calls }]) => calls > 0)
    .map(([name, of]) => [name, toSuggestion(name, of, config, siblings)] as const);
  const suggested = {
    clients: Object.fromEntries(clients),
    unused: config && findUnused(config, used, runtime.clock),
    ...rest,
    ...walked,
  };
  if (options.json) output.out(toLineText(toSuggestJson(suggested)));
  else for (const line of toSuggestLines(suggested)) output.out(line);
  return rest.leftOut > 0 ? 1 : 0;
}

function toSuggestion(
  name: string,
  used: Used,
  config: Config | undefined,
  siblings: number | undefined,
): Suggestion {
  const known = config !== undefined && Object.hasOwn(config.clients, name);
  const { allow, roles = [] } = known ? (config.clients[name] ?? {}) : {};
  const input = allow?.input ?? [];
  return {
    calls: used.calls,
    allow: { ...toAllowLists(used, siblings), ...(input.length > 0 && { input }) },
    roles,
  };
}
