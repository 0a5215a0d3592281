/** `mcp-gw test`: policy cases, decided by what decides in production. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { resolvePath } from "../config/index.ts";
import { type CallExplanation, explainCall } from "../gateway.ts";
import { canonicalText, member, reread } from "../mcp/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { toConfigArgs } from "./config-args.ts";
import {
  type GroundOptions,
  type GroundRuntime,
  type OfflineGround,
  openExplainGround,
} from "./explain-ground.ts";
import { toChainLines } from "./explain-output.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";
import { type PolicyCase, readCases } from "./test-cases-file.ts";

export const testCommand = defineCommand({
  meta: {
    name: "test",
    description: "Decides the calls of policy cases. Example: mcp-gw test policy.cases.ts",
  },
  args: {
    files: {
      type: "positional",
      description:
        "Lists of { name?, client, subject?, address?, call, kind?, args?, expect, code?, set? }",
      valueHint: "FILE…",
      required: false,
    },
    ...toConfigArgs("The config"),
    json: { type: "boolean", description: "Print { ok, passed, failed, cases }", default: false },
  },
  run: async ({ args }) =>
    testCases(
      { ...args, files: args._, envFile: args["env-file"] },
      await openRuntime(),
      consoleOutput,
    ),
});

export interface TestOptions extends GroundOptions {
  readonly files: readonly string[];
  readonly json: boolean;
}

/** The exit code: 0 all came out as expected, 1 some did not, 2 wrong usage. */
export async function testCases(
  options: TestOptions,
  runtime: GroundRuntime,
  output: Output,
): Promise<number> {
  const { out, err } = output;
  if (options.files.length === 0) {
    err("Name at least one file of cases");
    return 2;
  }
  const ground = await openExplainGround(options, runtime, output);
  if (ground === undefined) return 2;
  const files = options.files.map((file) => resolvePath(runtime.cwd(), file));
  const read = await Promise.all(files.map((file) => readCases(file, ground.config, runtime)));
  const faults = read.flatMap((each) => each.faults);
  if (faults.length > 0) {
    for (const fault of faults) err(toSafeLine(fault, 400));
    return 2;
  }
  const tried = read.flatMap(({ cases }) => cases).map((each) => tryCase(each, ground));
  const failed = tried.filter(({ ok }) => !ok).length;
  const passed = tried.length - failed;
  if (options.json) {
    out(toLineText(JSON.stringify({ ok: failed === 0, passed, failed, cases: tried })));
  } else {
    for (const line of tried.flatMap(toLines)) out(line);
    out(`${passed} of ${tried.length} ${tried.length === 1 ? "case" : "cases"} passed`);
  }
  return failed === 0 ? 0 : 1;
}

interface Tried {
  readonly ok: boolean;
  readonly name: string;
  readonly file: string;
  readonly place: number;
  /** What differs, a sentence. */
  readonly fault?: string;
  readonly explanation: CallExplanation;
}

function tryCase(one: PolicyCase, ground: OfflineGround): Tried {
  const { name, file, place } = one;
  const explanation = explainCall(one.wish, ground);
  const fault = faultOf(one, explanation);
  return { ok: fault === undefined, name, file, place, ...(fault && { fault }), explanation };
}

function faultOf(one: PolicyCase, told: CallExplanation): string | undefined {
  const { expect, code, set } = one;
  if (told.verdict !== expect) return `Expected ${expect}, is ${told.verdict}`;
  if (code !== undefined && told.code !== code) {
    return `Expected the code ${code}, is ${told.code ?? "none"}`;
  }
  if (set === undefined) return undefined;
  const given = Object.entries(told.set);
  const wanted = set.node.members.map(({ key }) => key);
  for (const [key, text] of given) {
    const value = member(set, key);
    if (value === undefined) return `Rules set "${key}" to ${text}, which is not expected`;
    if (canonicalText(value) === canonicalText(reread(text))) continue;
    return `Expected "${key}" to be set to ${canonicalText(value)}, is ${text}`;
  }
  const missing = wanted.find((key) => !Object.hasOwn(told.set, key));
  return missing === undefined ? undefined : `Expected "${missing}" to be set, and no rule does`;
}

function toLines({ ok, name, fault, explanation }: Tried): readonly string[] {
  const title = toSafeLine(name, 200);
  if (ok) return [`ok    ${title}`];
  const { code, why } = explanation;
  const reason = [code, why].filter((part) => part !== undefined).join(": ");
  return [
    `FAIL  ${title}`,
    `  ${toSafeLine(fault ?? "", 400)}`,
    ...(reason === "" ? [] : [`  ${toSafeLine(reason, 400)}`]),
    ...toChainLines(explanation),
  ];
}
