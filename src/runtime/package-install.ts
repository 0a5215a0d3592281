/** Has npm, or Deno where that runs us, fetch a package into an empty folder. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import type { Child, PackageRequest, Spawn, SpawnCommand } from "../core/index.ts";

export interface Installer {
  readonly spawn: Spawn;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isDeno: boolean;
}

const maxSaid = 400;
const isWindows = process.platform === "win32";

/**
 * Rejects with an `Error` that says why it cannot. Packages are fetched before anything contains
 * them, so none of them may run a script, and a git address, which would be built, is refused.
 */
export async function install(
  folder: string,
  { name, version, signal }: PackageRequest,
  { spawn, env, isDeno }: Installer,
): Promise<void> {
  if (signal.aborted) throw new Error("Fetching was given up");
  // Deno takes what it installs from here, and npm finds no other project to be at home in.
  const wanted = { private: true, dependencies: { [name]: version } };
  await writeFile(join(folder, "package.json"), JSON.stringify(wanted), { mode: 0o600 });
  const program = isDeno ? denoInstall() : npmInstall(folder, `${name}@${version}`);
  const child = await start(spawn, { ...program, cwd: folder, env: reduce(env, isDeno) });
  const kill = (): void => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  // Between its start and the line above it may have been too late to listen.
  if (signal.aborted) kill();
  try {
    child.closeInput();
    const [said, { code }] = await Promise.all([readAll(child), child.exited]);
    if (signal.aborted) throw new Error("Fetching was given up");
    if (code !== 0) throw new Error(said === "" ? `${program.command} failed` : said);
  } finally {
    signal.removeEventListener("abort", kill);
    // Also where it has ended: what it started itself ends with it.
    kill();
  }
}

type Program = Pick<SpawnCommand, "command" | "args">;

/** It tries twice and soon: who wants the package tries again all the same. */
const npmOptions = [
  "--ignore-scripts",
  "--allow-git=none",
  "--no-audit",
  "--no-fund",
  "--no-save",
  "--no-package-lock",
  "--omit=dev",
  "--install-strategy=hoisted",
  "--loglevel=error",
  "--no-update-notifier",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
];

function npmInstall(folder: string, wanted: string): Program {
  const args = ["install", ...npmOptions, "--prefix", folder, "--", wanted];
  if (!isWindows) return { command: "npm", args };
  // There npm is a script for a shell, and no shell is to read arguments.
  const cli = join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js");
  return { command: process.execPath, args: [cli, ...args] };
}

/** Deno runs no script of a package unless it is told to; `hoisted` makes the tree npm would make. */
function denoInstall(): Program {
  const tree = ["--node-modules-dir=manual", "--node-modules-linker=hoisted"];
  const args = ["install", "--quiet", "--no-lock", "--prod", ...tree];
  return { command: process.execPath, args };
}

async function start(spawn: Spawn, command: SpawnCommand): Promise<Child> {
  try {
    return await spawn(command);
  } catch (error) {
    const isUnknown = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isUnknown ? "is not found" : "cannot be started";
    throw new Error(`"${command.command}" ${why}`, { cause: error });
  }
}

const inherited = new Set(
  [
    "PATH HOME TMPDIR XDG_CACHE_HOME",
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR",
    "NPM_CONFIG_REGISTRY NPM_CONFIG_USERCONFIG NPM_CONFIG_GLOBALCONFIG NPM_CONFIG_CACHE",
    "NPM_CONFIG_CAFILE DENO_DIR DENO_CERT DENO_TLS_CA_STORE",
    "SYSTEMROOT COMSPEC PATHEXT TEMP TMP USERPROFILE APPDATA LOCALAPPDATA",
  ].flatMap((names) => names.split(" ")),
);

/** What finds the registry; no secret of the config and none of any upstream. */
function reduce(env: Installer["env"], isDeno: boolean): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const upper = name.toUpperCase();
    if (value === undefined || !inherited.has(upper)) continue;
    // npm reads both spellings, Deno the upper-case one alone.
    kept[isDeno && upper.startsWith("NPM_CONFIG_") ? upper : name] = value;
  }
  // For an npm that does not know `--allow-git`, and for one that it starts itself.
  return isDeno ? kept : { ...kept, npm_config_ignore_scripts: "true", npm_config_git: "no-git" };
}

/** What it says is wrong, in a few words. */
async function readAll({ stdout, stderr }: Child): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  const drain = async (): Promise<void> => {
    for await (const _ of stdout) continue;
  };
  const listen = async (): Promise<void> => {
    for await (const bytes of stderr) {
      if (said.length < 16_384) said += decoder.decode(bytes, { stream: true });
    }
  };
  // A pipe that breaks with its process has nothing more to say.
  await Promise.all([drain().catch(() => undefined), listen().catch(() => undefined)]);
  return toWhy(said);
}

/** Without its decoration, the places in its own code, and passwords in addresses. */
function toWhy(said: string): string {
  const colour = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");
  const lines = said.replace(colour, "").split("\n");
  const words = lines
    .map((line) => line.replace(/^(npm )?error:? ?/i, "").trim())
    .filter((line) => line !== "" && !/^(at |A complete log|Stack backtrace|\d+: )/.test(line));
  const text = words.join("; ").replace(/\/\/[^\s/@]+@/g, "//");
  return text.slice(0, maxSaid);
}
