import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/index.ts";
import { openRuntime } from "../../../src/runtime/index.ts";
import {
  type Engine,
  type LoadedPlugins,
  createEngine,
  loadPlugins,
} from "../../../src/sandbox/index.ts";

let folder = "";
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mcp-gw-load-"));
  const { clock, crypto } = await openRuntime();
  engine = await createEngine({ ...clock, ...crypto, randomUUID });
});
afterAll(() => rm(folder, { recursive: true }));

async function load(files: Readonly<Record<string, string>>): Promise<LoadedPlugins> {
  const written = Object.entries({ "gateway.config.ts": config, ...files });
  for (const [name, text] of written) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const { clock, config: ports, crypto } = await openRuntime();
  const loaded = await loadConfig({
    file: join(folder, "gateway.config.ts"),
    env: {},
    ports,
    now: clock.now(),
    missingSecrets: "fault",
  });
  if (loaded.config === undefined) throw new Error(JSON.stringify(loaded.faults));
  return await loadPlugins({
    loaded,
    ports: { files: ports, crypto },
    inspect: engine.inspect,
  });
}

const config = `import { defineConfig, plugin } from "mcp-gw";
export default defineConfig({
  plugins: [
    plugin("./plugins/x.ts", {
      config: { max: "many" },
    }),
  ],
});
`;
const good = `import { definePlugin, deny, type Ctx } from "mcp-gw/plugin";
import { limit } from "./lib/limit.ts";
interface Config { max: number }
export default definePlugin<Config>({
  name: "counter",
  version: "1.0.0",
  configSchema: { type: "object", properties: { max: { type: "integer" } } },
  permissions: { kv: "client" },
  onToolCall: (call, ctx: Ctx<Config>) => deny(String(limit(ctx.config.max))),
});
`;
const lib = `import type { Nothing } from "./nothing.ts";
import "../x.ts";
export const limit = (max: number): number => max as number;
`;

describe("a plugin in the real engine", () => {
  test("is told all that is wrong with its entry, where it is written", async () => {
    const { faults, watched } = await load({ "plugins/x.ts": good, "plugins/lib/limit.ts": lib });
    expect(faults.map(({ path, line, message }) => `${line} ${path}: ${message}`)).toEqual([
      `4 plugins[0].grants.kv: "counter" asks for kv: "client", which is not granted`,
      `5 plugins[0].config.max: Must be integer, as "counter" says`,
    ]);
    expect(watched).toEqual([join(folder, "plugins/x.ts"), join(folder, "plugins/lib/limit.ts")]);
  });

  test.each([
    ["plugins/x.ts", `${good.split("\n").slice(0, 3).join("\n")}\nlet = 3;`, 4],
    ["plugins/lib/limit.ts", `export const limit: number = 1;\n\nnull.x;`, 3],
    ["plugins/x.ts", `${good}\nthrow new Error("no");`, 12],
  ])("that does not evaluate is refused with the line in %s (%#)", async (name, text, line) => {
    const files = { "plugins/x.ts": good, "plugins/lib/limit.ts": lib, [name]: text };
    const { faults, ready } = await load(files);
    expect(ready).toBeUndefined();
    expect(faults).toMatchObject([
      { level: "error", path: "plugins[0]", file: join(folder, name), line },
    ]);
  });

  test.each([
    ["export const a = 1;", "default"],
    ["export default 1;", ""],
    [`export default { name: "x", version: "1" };`, "hook"],
    [`export default { name: "x", version: "1", get onToolCall() { return () => 0; } };`, ""],
  ])("that is no plugin is refused: %j", async (text, what) => {
    const { faults, ready } = await load({ "plugins/x.ts": text });
    expect(ready).toBeUndefined();
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ path: "plugins[0]", file: join(folder, "plugins/x.ts") });
    expect(faults[0]?.message.toLowerCase()).toContain(what);
  });

  test("is not read through a link that leads out of the folder", async () => {
    const outside = await mkdtemp(join(tmpdir(), "mcp-gw-outside-"));
    await writeFile(join(outside, "y.ts"), "export const limit = 1;");
    await mkdir(join(folder, "plugins"), { recursive: true });
    await symlink(join(outside, "y.ts"), join(folder, "plugins/link.ts"));
    const { faults } = await load({ "plugins/x.ts": `import "./link.ts";\n${good}` });
    await rm(outside, { recursive: true });
    expect(faults).toMatchObject([
      {
        file: join(folder, "plugins/x.ts"),
        line: 1,
        message: `Imports "./link.ts": is a link that leads out of the plugin's folder`,
      },
    ]);
  });
});
