/** A folder with configs, a lock and cases, for the commands about policy. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExplainRuntime } from "../../src/cli/explain.ts";
import type { Output } from "../../src/cli/output.ts";
import { reread } from "../../src/mcp/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { toDefinition, toLockText } from "../../src/upstreams/index.ts";
import { crypto } from "../stores/ports.ts";

export const url = "http://127.0.0.1:9101/mcp";

/** A config in TypeScript, `body` between the braces. */
export function configOf(body: string): string {
  return `import { defineConfig, rule } from "mcp-gw";
export default defineConfig({
  upstreams: { pay: { url: "${url}" }, files: { url: "${url}" } },
  ${body}
});
`;
}

/** A lock with these tools, each with members beside its name. */
export function lockOf(
  upstreams: Readonly<Record<string, Readonly<Record<string, object>>>>,
): string {
  const lock = Object.entries(upstreams).map(([upstream, tools]) => {
    const defined = Object.entries(tools).map(([name, more]) => {
      const json = reread(JSON.stringify({ name, inputSchema: { type: "object" }, ...more }));
      return [name, toDefinition(json as never, crypto)] as const;
    });
    return [upstream, new Map(defined)] as const;
  });
  return toLockText({ lock: new Map(lock), plugins: new Map() });
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
export interface PolicyFolder {
  readonly folder: string;
  readonly write: (files: Readonly<Record<string, string>>) => Promise<void>;
  readonly run: <Options>(
    command: (options: Options, runtime: ExplainRuntime, output: Output) => Promise<number>,
    options: Options,
  ) => Promise<Ran>;
  readonly close: () => Promise<void>;
}

export async function openPolicyFolder(): Promise<PolicyFolder> {
  const folder = await mkdtemp(join(tmpdir(), "mcp-gw-policy-"));
  const runtime = { ...(await openRuntime()), cwd: () => folder, env: {} };
  return {
    folder,
    write: async (files) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    },
    run: async (command, options) => {
      const out: string[] = [];
      const err: string[] = [];
      const code = await command(options, runtime, {
        out: (text) => out.push(text),
        err: (text) => err.push(text),
      });
      return { code, out: out.join("\n"), err: err.join("\n") };
    },
    close: () => rm(folder, { recursive: true }),
  };
}
