import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";

/** What the compiler says, and what pure computation costs, does not depend on the runtime. */
const onNodeAlone = [
  "test/cli/types.test.ts",
  "test/config/register.types.test.ts",
  "test/sanitize/cost.test.ts",
];
const isDeno = "Deno" in globalThis;

export default defineConfig({
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
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...(isDeno ? onNodeAlone : [])],
    testTimeout: 20_000,
    maxWorkers: 3,
  },
});
