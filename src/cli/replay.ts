/** `mcp-gw replay`: what another config would have made of recorded calls. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { noConfigText } from "./load.ts";
import { type Output, consoleOutput } from "./output.ts";
import { type SourceOptions, openSource, readSource, toSourceArgs } from "./record-source.ts";
import { createDecide } from "./replay-decide.ts";
import { toReplayJson, toReplayLines } from "./replay-output.ts";
import { toSettled } from "./replay-recorded.ts";
import { createTally } from "./replay-tally.ts";

export const replayCommand = defineCommand({
  meta: {
    name: "replay",
    description:
      "Decides recorded calls again and shows what would change. Example: mcp-gw replay audit.jsonl --config new.config.ts",
  },
  args: {
    ...toSourceArgs("The config to decide by"),
    limit: {
      type: "string",
      description: "At most so many groups, the largest ones",
      default: "50",
    },
    json: {
      type: "boolean",
      description: "Print { decided, same, changed, undecidable, changes, … }",
      default: false,
    },
  },
  run: async ({ args }) =>
    replay(
      { ...args, paths: args._, envFile: args["env-file"] },
      await openRuntime(),
      consoleOutput,
    ),
});

export interface ReplayOptions extends SourceOptions {
  readonly limit: string;
  readonly json: boolean;
}

/** The exit code: 0 nothing would change, 1 something would, 2 wrong usage. */
export async function replay(
  options: ReplayOptions,
  runtime: Runtime,
  output: Output,
): Promise<number> {
  const limit = toLimit(options.limit);
  if (limit === undefined) {
    output.err(
      `Cannot read --limit ${JSON.stringify(options.limit)}: it must be a number such as 50`,
    );
    return 2;
  }
  const source = await openSource(options, runtime, output);
  if (source === undefined) return 2;
  const { loaded, files } = source;
  if (loaded === undefined) {
    output.err(noConfigText(runtime.cwd()));
    return 2;
  }
  const decide = createDecide(loaded.config, runtime);
  const tally = createTally();
  const walked = await readSource(source, runtime, output, (call) => {
    tally.add(call, toSettled(call), () => decide(call));
  });
  if (walked === undefined) return 2;
  const sums = tally.close();
  const replayed = { config: loaded.file, files, ...walked, sums };
  if (options.json) output.out(toLineText(toReplayJson(replayed, limit)));
  else for (const line of toReplayLines(replayed, limit)) output.out(line);
  return sums.changed > 0 ? 1 : 0;
}

function toLimit(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}
