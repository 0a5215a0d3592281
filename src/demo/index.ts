/** The demo's MCP servers, as upstreams that start with the runtime that is running. */

export type DemoName = "weather" | "database" | "ai-tools" | "http-api";

/** What an upstream in `gateway.config.ts` is made of. */
export interface DemoUpstream {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

const here = import.meta.url;
const isSource = here.endsWith(".ts");
const isDeno = process.versions["deno"] !== undefined;

/** The command line of one demo server; it speaks MCP of both eras on stdin and stdout. */
export function demoUpstream(name: DemoName): DemoUpstream {
  const server = new URL(`./${name}${isSource ? ".ts" : ".js"}`, here);
  const args = isDeno ? denoArguments() : nodeArguments();
  return {
    command: process.execPath,
    args: [...args, toPath(server)],
    env: isDeno ? denoEnv() : {},
  };
}

/** The readable config that `mcp-gw` starts where the folder holds none. */
export function demoConfigFile(): string {
  return toPath(new URL("../../gateway.config.ts", here));
}

function nodeArguments(): string[] {
  if (!isSource) return [];
  // Node 20 cannot run TypeScript; in the source tree the loader of the config does.
  const loader = new URL("../../node_modules/jiti/lib/jiti-register.mjs", here);
  return ["--import", loader.href];
}

/** No permission is given: a demo server needs neither network nor files, only its own modules. */
function denoArguments(): string[] {
  const args = ["run", "--quiet", "--no-prompt", "--cached-only"];
  return isSource ? [...args, "--node-modules-dir=none"] : args;
}

/** Deno takes the packages of the source tree from `deno.json` and its own cache, as `deno task start` does. */
function denoEnv(): Record<string, string> {
  const cache = process.env["DENO_DIR"];
  return {
    ...(isSource ? { DENO_NO_PACKAGE_JSON: "1" } : {}),
    ...(cache === undefined ? {} : { DENO_DIR: cache }),
  };
}

/** `fileURLToPath` without `node:url`, which has its home in `runtime/`. */
function toPath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}
