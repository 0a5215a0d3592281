/** `mcp-gw plugin new`: a plugin that works, to begin with. */
import { defineCommand } from "citty";
import { isNoName, nameShape, resolvePath, suggest } from "../config/index.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { type Hook, hooks } from "../sandbox/index.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toFixturesText, toPluginText } from "./plugin-template.ts";
import { allOf } from "./plugin-words.ts";

export const pluginNewCommand = defineCommand({
  meta: {
    name: "new",
    description:
      "Writes plugins/NAME.ts and its fixtures. Example: mcp-gw plugin new path-guard --hook onToolCall --hook onText",
  },
  args: {
    name: {
      type: "positional",
      description: "The plugin's name",
      valueHint: "NAME",
      required: true,
    },
    hook: {
      type: "string",
      description: `A hook that it has, and may be given again (default: onToolCall): ${hooks.join(", ")}`,
      valueHint: "HOOK",
    },
    json: { type: "boolean", description: "Print { plugin, fixtures }", default: false },
  },
  run: async ({ args, rawArgs }) =>
    newPlugin({ ...args, hooks: allOf(rawArgs, "hook") }, await openRuntime(), consoleOutput),
});

export interface NewPluginOptions {
  readonly name: string;
  readonly hooks: readonly string[];
  readonly json: boolean;
}

/** The exit code: 0 written, 1 something of that name is there, or cannot be written, 2 wrong usage. */
export async function newPlugin(
  { name, hooks: wanted, json }: NewPluginOptions,
  { config, cwd }: Pick<Runtime, "config" | "cwd">,
  { out, err }: Output,
): Promise<number> {
  if (!nameShape.test(name)) {
    err(`"${name}" cannot be its name: ${isNoName}`);
    return 2;
  }
  const unknown = wanted.find((word) => !hooks.some((hook) => hook === word));
  if (unknown !== undefined) {
    const hint = suggest(unknown, hooks) ?? `known are ${hooks.join(", ")}`;
    err(`There is no hook "${unknown}" (${hint})`);
    return 2;
  }
  const chosen = wanted.length === 0 ? (["onToolCall"] as const) : inOrder(wanted);
  const texts = new Map([
    [`plugins/${name}.ts`, toPluginText(name, chosen)],
    [`plugins/${name}.test.json`, toFixturesText(chosen)],
  ]);
  const [plugin = "", fixtures = ""] = texts.keys();
  for (const file of texts.keys()) {
    const there = await config.realPath(resolvePath(cwd(), file)).catch(() => file);
    if (there === undefined) continue;
    err(`"${file}" is there already, and nothing is written`);
    return 1;
  }
  for (const [file, text] of texts) {
    try {
      await config.create(resolvePath(cwd(), file), text);
    } catch (error) {
      err(`Cannot write "${file}": ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    }
  }
  if (json) out(JSON.stringify({ plugin, fixtures }));
  else out(toNextSteps(plugin, fixtures));
  return 0;
}

/** Each once. */
function inOrder(wanted: readonly string[]): readonly Hook[] {
  return hooks.filter((hook) => wanted.includes(hook));
}

function toNextSteps(plugin: string, fixtures: string): string {
  return `Wrote ${plugin} and ${fixtures}. Try it:

  mcp-gw plugin test ${plugin}

Then name it in gateway.config.ts; "shadow" records what it says and applies nothing of it:

  plugins: [{ use: "./${plugin}", mode: "shadow" }],`;
}
