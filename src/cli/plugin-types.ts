/** Checks the types of a plugin with the TypeScript that is installed, as the sandbox has it: no DOM, no Node. */
import { folderOf, resolvePath } from "../config/index.ts";
import type { Child } from "../core/index.ts";
import type { Runtime } from "../runtime/index.ts";

export type TypesRuntime = Pick<Runtime, "clock" | "config" | "cwd" | "env" | "packages" | "spawn">;
export type CheckedTypes =
  | { readonly state: "good" }
  /** Lines of the compiler. */
  | { readonly state: "wrong"; readonly lines: readonly string[] }
  | { readonly state: "unchecked"; readonly why: string };

const deadlineMs = 60_000;
const maxOutput = 65_536;
const maxLines = 40;

const compilerOptions = {
  target: "es2023",
  lib: ["es2023"],
  types: [],
  module: "esnext",
  moduleResolution: "bundler",
  moduleDetection: "force",
  allowImportingTsExtensions: true,
  noEmit: true,
  strict: true,
  skipLibCheck: true,
};

/** `file` is absolute. */
export async function checkTypes(file: string, runtime: TypesRuntime): Promise<CheckedTypes> {
  if (/\.m?js$/.test(file)) return { state: "unchecked", why: "it is JavaScript" };
  const compiler = await findCompiler(runtime);
  if (compiler === undefined) {
    return {
      state: "unchecked",
      why: "typescript is not installed here (npm install -D typescript)",
    };
  }
  const { config: files, cwd } = runtime;
  const project = resolvePath(cwd(), `.mcp-gw/plugin-check-${files.randomToken()}.json`);
  const paths = { "mcp-gw/plugin": [ownTypes()] };
  const text = JSON.stringify({ compilerOptions: { ...compilerOptions, paths }, files: [file] });
  try {
    await files.writeNew(project, text);
  } catch (error) {
    return { state: "unchecked", why: `cannot write "${project}": ${messageOf(error)}` };
  }
  try {
    return await compile(compiler, project, runtime);
  } catch (error) {
    return { state: "unchecked", why: `cannot run "${compiler}": ${messageOf(error)}` };
  } finally {
    await files.remove(project);
  }
}

/**
 * Attack: a folder with a plugin, to be looked at, brings a `node_modules/typescript` of its own, which
 * would run with all rights. So it is looked for from the working folder upwards, and beside this
 * package; a plugin in a project below the working folder finds the same one.
 */
async function findCompiler({ config, cwd }: TypesRuntime): Promise<string | undefined> {
  for (const folder of [...upwards(cwd()), ...upwards(folderOf(ownTypes()))]) {
    const home = resolvePath(folder, "node_modules/typescript");
    const text = await config.readText(`${home}/package.json`).catch(() => undefined);
    const path = text === undefined ? undefined : readProgram(text);
    if (path !== undefined) return resolvePath(home, path);
  }
  return undefined;
}

function upwards(folder: string): readonly string[] {
  const folders = [folder];
  for (let next = folderOf(folder); next !== folders.at(-1); next = folderOf(next)) {
    folders.push(next);
  }
  return folders;
}

function readProgram(manifest: string): string | undefined {
  try {
    const { bin } = JSON.parse(manifest) as { readonly bin?: { readonly tsc?: unknown } };
    return typeof bin?.tsc === "string" ? bin.tsc : undefined;
  } catch {
    // Another one may be whole.
    return undefined;
  }
}

/** What `mcp-gw/plugin` is: the source in the repository, its declarations in the package. */
function ownTypes(): string {
  const isSource = import.meta.url.endsWith(".ts");
  const url = new URL(isSource ? "../plugin.ts" : "../plugin.d.ts", import.meta.url);
  const path = decodeURIComponent(url.pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}

async function compile(
  compiler: string,
  project: string,
  { clock, cwd, env, packages, spawn }: TypesRuntime,
): Promise<CheckedTypes> {
  const { command, args } = packages.toCommand(compiler);
  const child = await spawn({
    command,
    args: [...args, "-p", project, "--pretty", "false"],
    cwd: cwd(),
    env: { PATH: env["PATH"] ?? "", HOME: env["HOME"] ?? "" },
  });
  let isLate = false;
  const timer = clock.after(deadlineMs, () => {
    isLate = true;
    child.kill("SIGKILL");
  });
  child.closeInput();
  const output = await readOutput(child);
  const { code } = await child.exited;
  timer.cancel();
  if (isLate) return { state: "unchecked", why: `the compiler took more than ${deadlineMs} ms` };
  if (code === 0) return { state: "good" };
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  if (!lines.some((line) => / error TS\d+: /.test(line))) {
    return { state: "unchecked", why: `the compiler ended with code ${code}` };
  }
  return { state: "wrong", lines: lines.slice(0, maxLines).map(toPlaceFirst) };
}

async function readOutput({ stdout }: Child): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdout) {
    if (text.length < maxOutput) text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** `file:line: error: …`, as all faults are written. */
function toPlaceFirst(line: string): string {
  return line.replace(/^(.+)\((\d+),\d+\): error (TS\d+): /, "$1:$2: error: $3: ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
