import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

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
  test: { include: ["test/**/*.test.ts"], testTimeout: 20_000, maxWorkers: 3 },
});
