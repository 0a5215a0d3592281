/** `mcp-gw types`: the upstreams' tools as types, so that a config which names another does not compile. */
import { defineCommand } from "citty";
import { type LoadedConfig, resolvePath, suggest } from "../config/index.ts";
import { createLockCleaner, lockPathOf } from "../gateway.ts";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { definitionOf, parseLock, toLockFault } from "../upstreams/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, loadOrDemo } from "./load.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";
import { everyCapability, openDirectServer } from "./tool-direct.ts";
import { type Entries, type Known, readEntries, toEntry, toTypesText } from "./types-text.ts";

export const typesCommand = defineCommand({
  meta: {
    name: "types",
    description:
      "Writes gateway.types.d.ts, which types the config by the upstreams' tools. Example: mcp-gw types --offline",
  },
  args: {
    ...toConfigArgs("The config"),
    upstream: {
      type: "string",
      description: "Ask this upstream alone; the others stay as they are written",
      valueHint: "NAME",
    },
    offline: {
      type: "boolean",
      description: "Ask nobody: take the tools that gateway.lock.json holds",
      default: false,
    },
    check: {
      type: "boolean",
      description: "Write nothing; exit 1 where something differs",
      default: false,
    },
  },
  run: async ({ args }) =>
    writeTypes({ ...args, envFile: args["env-file"] }, await openRuntime(), consoleOutput),
});

export interface TypesOptions {
  readonly config?: string | undefined;
  readonly envFile?: string | undefined;
  readonly upstream?: string | undefined;
  readonly offline: boolean;
  readonly check: boolean;
}

/** The exit code: 0 the types are those of the upstreams, 1 they are not, 2 wrong usage. */
export async function writeTypes(
  options: TypesOptions,
  runtime: Runtime,
  { out, err }: Output,
): Promise<number> {
  const { config, envFile, upstream, check, offline } = options;
  const missingSecrets = offline ? "warn" : "fault";
  const { loaded } = await loadOrDemo(runtime, { config, envFile, missingSecrets });
  if (loaded.config === undefined) {
    err(formatFaults(loaded.faults, runtime.cwd()));
    return 2;
  }
  const all = Object.keys(loaded.config.upstreams);
  if (upstream !== undefined && !all.includes(upstream)) {
    const meant = suggest(upstream, all);
    err(`There is no upstream "${upstream}"${meant === undefined ? "" : ` (${meant})`}`);
    return 2;
  }
  const file = resolvePath(loaded.folder, "gateway.types.d.ts");
  const before = await runtime.config.readText(file).catch(() => "");
  const wanted = upstream === undefined ? all : [upstream];
  const asked = await (offline ? readLocked : askAll)(loaded, wanted, runtime);
  if ("fault" in asked) {
    err(asked.fault);
    return 1;
  }
  const written: Entries = readEntries(before ?? "") ?? new Map();
  const fresh = [...asked.known].map(
    ([name, known]) => [name, toEntry(name, known, written.get(name))] as const,
  );
  const entries = new Map([...written, ...fresh]);
  const missing = all.filter((name) => !entries.has(name));
  for (const [name, why] of asked.faults) err(`${name}: ${toSafeLine(why, 300)}`);
  if (missing.length > 0) {
    err(`Nothing is written, since the tools of ${missing.join(", ")} are not known`);
    return 1;
  }
  const text = toTypesText(keepOnly(entries, all));
  const isWhole = asked.faults.size === 0;
  if (text === before) {
    out(`${file} is what the upstreams have`);
    return isWhole ? 0 : 1;
  }
  if (check) {
    err(`${file} is not what the upstreams have; \`mcp-gw types\` writes it`);
    return 1;
  }
  try {
    await runtime.config.publish(file, text);
  } catch (error) {
    err(`Cannot write "${file}": ${error instanceof Error ? error.message : ""}`);
    return 1;
  }
  out(`Wrote ${file}; it has to stand among the files that your tsconfig.json includes`);
  return isWhole ? 0 : 1;
}

function keepOnly(entries: Entries, names: readonly string[]): Entries {
  return new Map([...entries].filter(([name]) => names.includes(name)));
}

type Asked =
  | {
      readonly known: ReadonlyMap<string, Known>;
      /** Why the others are not known. */
      readonly faults: ReadonlyMap<string, string>;
    }
  | { readonly fault: string };

async function askAll(
  loaded: LoadedConfig,
  names: readonly string[],
  runtime: Runtime,
): Promise<Asked> {
  const clean = createLockCleaner(loaded.config);
  const known = new Map<string, Known>();
  const faults = new Map<string, string>();
  const ask = async (name: string): Promise<void> => {
    const server = openDirectServer(loaded, name, runtime, everyCapability);
    try {
      const tools = await server.list();
      const prompts = "kind" in tools ? tools : await server.prompts();
      if ("kind" in tools) faults.set(name, `${tools.code}: ${tools.message}`);
      else if ("kind" in prompts) faults.set(name, `${prompts.code}: ${prompts.message}`);
      else known.set(name, { tools: tools.flatMap(cleaned), prompts: prompts.flatMap(cleaned) });
    } catch (error) {
      faults.set(name, error instanceof Error ? error.message : "It does not answer");
    } finally {
      await server.close();
    }
  };
  await Promise.all(names.map(ask));
  return { known, faults };

  /** Attack: a server writes the credential that it got into its schema; see `createLockCleaner`. */
  function cleaned({ name, definition }: Known["tools"][number]): Known["tools"] {
    const json = clean(definition);
    return json === undefined ? [] : [{ name, definition: json }];
  }
}

async function readLocked(
  { folder }: LoadedConfig,
  names: readonly string[],
  { config }: Runtime,
): Promise<Asked> {
  const path = lockPathOf({ folder });
  const text = await config.readText(path).catch(() => "");
  if (text === undefined) return { fault: `There is no "${path}"; \`mcp-gw lock\` writes it` };
  const parsed = parseLock(text, config);
  if ("fault" in parsed) return { fault: toLockFault(path, parsed.fault) };
  const known = new Map<string, Known>();
  const faults = new Map<string, string>();
  for (const name of names) {
    const tools = parsed.lock.get(name);
    if (tools === undefined) faults.set(name, "No tool of it is locked");
    else {
      const named = [...tools].map(([tool, definition]) => ({
        name: tool,
        definition: definitionOf(definition),
      }));
      known.set(name, { tools: named });
    }
  }
  return { known, faults };
}
