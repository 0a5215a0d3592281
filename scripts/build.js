/** Builds `dist/` from `src/`: JavaScript and declarations, and a `main.js` that can be run. */
import { spawnSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));

// A file that was removed from src/ must not stay in the package.
rmSync(join(root, "dist"), { recursive: true, force: true });
const { status } = spawnSync(
  process.execPath,
  [join(typescript, "bin", "tsc"), "-p", "tsconfig.build.json"],
  { cwd: root, stdio: "inherit" },
);
if (status !== 0) process.exit(status ?? 1);
chmodSync(join(root, "dist", "main.js"), 0o755);
