/** `mcp-gw diff`: what a change of the config grants and takes away. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { bysOf } from "./access.ts";
import { envFileArg } from "./config-args.ts";
import {
  type GrantChange,
  type InputChange,
  type PolicyDifference,
  comparePolicies,
  hasNewGrants,
} from "./diff-grants.ts";
import type { NamedChange, RuleChange } from "./diff-rules.ts";
import { toSafeRow } from "./explain-output.ts";
import { type GroundRuntime, openExplainGround } from "./explain-ground.ts";
import { type Output, consoleOutput } from "./output.ts";

export const diffCommand = defineCommand({
  meta: {
    name: "diff",
    description:
      "What a change of the config grants and takes away. Example: mcp-gw diff main.config.ts gateway.config.ts --no-new-grants",
  },
  args: {
    old: {
      type: "positional",
      description: "The config as it was",
      valueHint: "OLD",
      required: false,
    },
    new: {
      type: "positional",
      description: "The config as it is",
      valueHint: "NEW",
      required: false,
    },
    "no-new-grants": {
      type: "boolean",
      description: "Exit 1 where something is granted that was not",
      default: false,
    },
    "env-file": envFileArg,
    json: { type: "boolean", description: "Print the difference as JSON", default: false },
  },
  // The parser takes what begins with "no-" for the opposite of something.
  run: async ({ args, rawArgs }) =>
    diff(
      {
        ...args,
        envFile: args["env-file"],
        noNewGrants: rawArgs.includes("--no-new-grants"),
      },
      await openRuntime(),
      consoleOutput,
    ),
});

export interface DiffOptions {
  readonly old?: string | undefined;
  readonly new?: string | undefined;
  readonly envFile?: string | undefined;
  readonly noNewGrants: boolean;
  readonly json: boolean;
}

/** The exit code: 0 good, 1 new grants that must not be, 2 wrong usage. */
export async function diff(
  options: DiffOptions,
  runtime: GroundRuntime,
  output: Output,
): Promise<number> {
  const { old, new: fresh, envFile } = options;
  if (old === undefined || fresh === undefined) {
    output.err("Name both configs: mcp-gw diff OLD NEW");
    return 2;
  }
  const before = await openExplainGround({ config: old, envFile }, runtime, output);
  const after = await openExplainGround({ config: fresh, envFile }, runtime, output);
  if (before === undefined || after === undefined) return 2;
  const difference = comparePolicies(before, after, runtime.clock.now());
  const isWider = hasNewGrants(difference);
  if (options.json) output.out(toLineText(JSON.stringify({ newGrants: isWider, ...difference })));
  else for (const line of toLines(difference, isWider)) output.out(line);
  return isWider && options.noNewGrants ? 1 : 0;
}

function toLines(difference: PolicyDifference, isWider: boolean): readonly string[] {
  const { added, removed, widened, input, roles, rules } = difference;
  const inputRow = (sign: string, { client, upstream, kind }: InputChange): string =>
    toSafeRow([sign], [client], ["input", 8], [`${upstream}: ${kind}`]);
  const lines = [
    ...added.map((each) => grantRow("+", each, `by ${bysOf(each)}`)),
    ...input.added.map((each) => inputRow("+", each)),
    ...widened.map((each) => grantRow("!", each, `held back less: ${each.rules.join(", ")}`)),
    ...removed.map((each) => grantRow("-", each, `by ${bysOf(each)}`)),
    ...input.removed.map((each) => inputRow("-", each)),
    ...roles.map((each) => changeRow("role", each)),
    ...rules.map((each) => changeRow("rule", each)),
  ];
  if (lines.length === 0) return ["Nothing of the policy differs"];
  return [...lines, isWider ? "There are new grants" : "There is no new grant"];
}

function grantRow(
  sign: string,
  { client, kind, target }: Pick<GrantChange, "client" | "kind" | "target">,
  end: string,
): string {
  return toSafeRow([sign], [client], [kind, 8], [target], [end]);
}

/** What widens stands out, whatever was done. */
function changeRow(what: string, each: NamedChange | RuleChange): string {
  const { name, change, keys, widens } = each;
  const conditions = "conditions" in each && each.conditions ? " (its condition)" : "";
  const done = change === "changed" ? `changed ${keys.join(", ")}${conditions}` : change;
  return toSafeRow([widens ? "!" : "~"], [`${what} ${name}: ${done}`]);
}
