/** The plan of the house, as the tests hold it. */

/**
 * From the ground up; a room sees the rows below its own, never a room beside it. `core` stands
 * under `config`, whose schema speaks of secrets, and the demo knows nothing of the house at all.
 */
export const floors: readonly (readonly string[])[] = [
  ["mcp", "demo", "version"],
  ["core"],
  ["config"],
  [
    "approvals",
    "audit",
    "identity",
    "limits",
    "policy",
    "runtime",
    "sandbox",
    "sanitize",
    "sessions",
    "stores",
    "telemetry",
    "upstreams",
  ],
  ["stages"],
  ["gateway"],
  ["follow-files", "http", "stdio"],
  ["instance"],
  ["serve"],
  ["library"],
  ["index", "plugin"],
  ["cli"],
  ["main", "sandbox-worker"],
];

/** Files that stand in no folder and are rooms of their own; all others there belong to `gateway`. */
const singleFiles = new Set([
  "version",
  "follow-files",
  "instance",
  "serve",
  "library",
  "index",
  "plugin",
  "main",
  "sandbox-worker",
]);

/** The room of a path below `src/`. */
export function roomOf(path: string): string {
  const slash = path.indexOf("/");
  if (slash !== -1) return path.slice(0, slash);
  const name = path.replace(/\.ts$/, "");
  return singleFiles.has(name) ? name : "gateway";
}

/** The one file of a room that others may import. */
export function faceOf(room: string): string {
  return singleFiles.has(room) || room === "gateway" ? `${room}.ts` : `${room}/index.ts`;
}

/**
 * A room's second face, for one file alone. The plugins' thread loads the engine and no more: by the
 * room's own face it would load the config too, which takes ten times as long.
 */
export const secondFaces: ReadonlyMap<string, string> = new Map([
  ["sandbox-worker.ts", "sandbox/thread/index.ts"],
]);

/** Where each dependency lives: folders end in a slash, the rest are beginnings of file names. */
export const homes: Readonly<Record<string, readonly string[]>> = {
  "@hono/node-server": ["runtime/"],
  "@jitl/quickjs-singlefile-mjs-release-sync": ["sandbox/"],
  "@modelcontextprotocol/server": ["demo/"],
  amaro: ["sandbox/"],
  citty: ["cli/"],
  consola: ["runtime/log.ts", "cli/"],
  "eventsource-parser": ["mcp/"],
  // Both speak of the application that `http/` makes, by its type.
  hono: ["http/", "instance.ts", "library.ts"],
  ioredis: ["stores/redis"],
  "ipaddr.js": ["runtime/", "identity/"],
  jiti: ["config/"],
  jose: ["identity/", "core/seal.ts"],
  "lru-cache": ["stores/", "identity/", "sessions/", "upstreams/"],
  "prom-client": ["telemetry/"],
  "quickjs-emscripten-core": ["sandbox/"],
  re2js: ["core/pattern.ts", "sanitize/"],
  undici: ["runtime/"],
  valibot: ["config/", "mcp/"],
};

/** `node:`, `Deno` and `process` have one home; each exception says why. */
export const groundHomes: readonly string[] = [
  "runtime/",
  // Starts the demo servers with the runtime that is running, and is not part of the gateway.
  "demo/index.ts",
  // Hands over the command line and the exit code.
  "main.ts",
  // Takes the port of its own thread; the rest of the ground would cost its start and lend it rights.
  "sandbox-worker.ts",
];
