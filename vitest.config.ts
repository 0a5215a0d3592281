import { fileURLToPath, pathToFileURL } from "node:url";
import { type Plugin, configDefaults, defineConfig } from "vitest/config";
import { builtOf } from "./test/built.ts";

/** What the compiler says, and what pure computation costs, does not depend on the runtime. */
const onNodeAlone = [
  "test/cli/types.test.ts",
  "test/config/register.types.test.ts",
  "test/sanitize/cost.test.ts",
];
const isDeno = "Deno" in globalThis;

/**
 * Begun first, so that nobody waits for one of them alone at the end, each in a process of its own:
 * some count all that it holds.
 */
const long = [
  "e2e/cluster",
  "e2e/store-start",
  "cli/workers",
  "sanitize/cost",
  "cli/stdio",
  "cli/types",
  "security/server-requests",
  "security/data-leaks",
  "cli/reload",
  "security/sessions",
  "e2e/kill",
  "security/hostile-upstream",
  "e2e/store-trouble",
  "e2e/byte-equality",
  "upstreams/stdio",
  "e2e/leaks",
  "e2e/shared-held",
  "e2e/reload-leaks",
  // A listener of Hono's for Node changes `Response` for all of its process.
  "e2e/library",
].map((name) => `test/${name}.test.ts`);

/**
 * Rooms whose other files share a process, and what it has loaded, which takes half the time. Rooms
 * that look at processes and threads, and those that are not named, are not among them.
 */
const shared = [
  "approvals",
  "audit",
  "cli",
  "config",
  "core",
  "demo",
  "e2e",
  "http",
  "identity",
  "limits",
  "mcp",
  "plugins",
  "policy",
  "sandbox/engine",
  "sandbox/host",
  "sandbox/load",
  "sandbox/thread",
  "sanitize",
  "security",
  "sessions",
  "stages",
  "stdio",
  "stores",
  "telemetry",
  "upstreams",
].map((room) => `test/${room}/**/*.test.ts`);

const left = [...configDefaults.exclude, ...(isDeno ? onNodeAlone : [])];

const worker = builtOf("sandbox-worker.ts");
/** Threads start in a third of the time from what is built. */
const builtThreads: Plugin = {
  name: "threads of plugins from dist",
  transform: (code, id) =>
    worker !== undefined && id.endsWith("/src/runtime/threads.ts")
      ? code.replace('"../sandbox-worker.ts"', JSON.stringify(pathToFileURL(worker).href))
      : undefined,
};

export default defineConfig({
  plugins: [builtThreads],
  resolve: {
    alias: [
      { find: /^mcp-gw$/, replacement: fileURLToPath(new URL("src/index.ts", import.meta.url)) },
      {
        find: "mcp-gw/plugin",
        replacement: fileURLToPath(new URL("src/plugin.ts", import.meta.url)),
      },
    ],
  },
  // Most tests wait for processes and sockets, so there is room for more than one on a core.
  test: {
    testTimeout: 20_000,
    maxWorkers: 3,
    // The plugins' threads read the TypeScript of src/ as the program that starts them does.
    ...(isDeno ? {} : { execArgv: ["--import", "jiti/register"] }),
    // They run in the order of their names.
    projects: [
      { extends: true, test: { name: "1 long", include: long, exclude: left } },
      {
        extends: true,
        test: {
          name: "2 alone",
          include: ["test/**/*.test.ts"],
          exclude: [...left, ...long, ...shared],
        },
      },
      {
        extends: true,
        test: {
          name: "3 shared",
          include: shared,
          exclude: [...left, ...long],
          isolate: false,
        },
      },
    ],
  },
});
