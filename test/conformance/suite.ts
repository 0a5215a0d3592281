/**
 * Runs the official conformance suite and reads what it found. It needs a newer Node than the
 * project, so it comes from a folder of its own: `CONFORMANCE_HOME` holds `node_modules` with
 * `@modelcontextprotocol/conformance` and, where this process is older than Node 22, `node`.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const revisions = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

export interface Check {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
  readonly description?: string;
}
export interface Scenario {
  readonly name: string;
  /** Whether the revision requires it; the others are reported only. */
  readonly isScored: boolean;
  readonly checks: readonly Check[];
}

const home = process.env["CONFORMANCE_HOME"] ?? join(import.meta.dirname, "../..");
const suite = join(home, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const ownNode = join(home, "node_modules/node/bin/node");
const node = existsSync(ownNode) ? ownNode : process.execPath;
const timeoutMs = 600_000;

/** Everything that the revision requires of a server, asked of the one at the URL. */
export async function judgeServer(url: string, revision: Revision): Promise<readonly Scenario[]> {
  const scored = await scoredScenarios(revision);
  const found = await run(["server", "--url", url, "--requirements", revision]);
  const results = [...found].map(([name, checks]) => ({
    name,
    isScored: scored.has(name),
    checks,
  }));
  for (const name of scored) {
    if (!found.has(name)) throw new Error(`The suite gave no result for "${name}"`);
  }
  return results;
}

/** One scenario that judges a client; the command gets the URL of the scenario's server at its end. */
export async function judgeClient(
  command: string,
  name: string,
  revision: Revision,
): Promise<Scenario> {
  const options = ["--command", command, "--scenario", name, "--spec-version", revision];
  const found = await run(["client", ...options, "--timeout", "60000"]);
  const checks = [...found.values()][0];
  if (checks === undefined) throw new Error(`The suite gave no result for "${name}"`);
  return { name, isScored: true, checks };
}

async function scoredScenarios(revision: Revision): Promise<ReadonlySet<string>> {
  const listed = await output(["list", "--requirements", revision]);
  const [, section = ""] = /^Server scenarios.*\n((?:  - .*\n)+)/m.exec(listed) ?? [];
  const names = [...section.matchAll(/^  - (.+)$/gm)].map(([, name = ""]) => name);
  if (names.length === 0) throw new Error(`The suite requires nothing for "${revision}"`);
  return new Set(names);
}

/** The checks of each scenario; the suite writes a folder for each, named with the time at its end. */
async function run(args: readonly string[]): Promise<ReadonlyMap<string, readonly Check[]>> {
  const folder = await mkdtemp(join(tmpdir(), "conformance-"));
  try {
    const log = await output([...args, "--output-dir", folder]);
    const results = new Map<string, readonly Check[]>();
    for (const name of (await readdir(folder)).sort()) {
      const scenario = name.replace(/^server-(?=.)/, "").replace(/-\d{4}-\d{2}-\d{2}T.*$/, "");
      const text = await readFile(join(folder, name, "checks.json"), "utf8").catch(() => undefined);
      const unread = { id: "suite", status: "FAILURE", errorMessage: log.slice(-2_000) } as const;
      results.set(scenario, text === undefined ? [unread] : (JSON.parse(text) as Check[]));
    }
    return results;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a run of the suite prints; its exit code says less than its results. */
function output(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [suite, ...args], { timeout: timeoutMs });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.stderr.setEncoding("utf8").on("data", (part: string) => (text += part));
    child.on("error", reject);
    child.on("close", () => resolve(text));
  });
}
