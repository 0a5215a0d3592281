import { expect, test } from "vitest";
import { defineConfig, plugin } from "mcp-gw";
import { definePlugin } from "mcp-gw/plugin";

interface Limits {
  readonly maxPerMinute: number;
  readonly paths?: readonly string[];
}
const guard = definePlugin<Limits>({
  name: "guard",
  version: "1.0.0",
  setup: ({ paths }) => void paths,
});
const anything = definePlugin({ name: "anything", version: "1.0.0" });
const optional = definePlugin<{ readonly words?: readonly string[] }>({ name: "o", version: "1" });
/** What `typeof import("./plugins/guard.ts")` is. */
interface Module<Default> {
  readonly default: Default;
  readonly another: number;
}

test("plugin takes the config that the plugin's own type says, and refuses any other when compiled", () => {
  const plugins = [
    plugin<typeof guard>("./guard.ts", { config: { maxPerMinute: 60 } }),
    plugin<Module<typeof guard>>("./guard.ts", { config: { maxPerMinute: 60, paths: ["/"] } }),
    plugin<typeof anything>("./any.ts"),
    plugin<typeof anything>("./any.ts", { config: [1, { a: null }], mode: "shadow" }),
    plugin<Module<typeof optional>>("./o.ts"),
    plugin<typeof optional>("./o.ts", { config: { words: ["a"] } }),
    plugin("./unknown.ts", { config: { whatever: 1 }, grants: { kv: "client" } }),
  ];
  defineConfig({ plugins });
  defineConfig({ plugins: [{ use: "./x.ts", limits: { cpuMs: 20 } }, ...plugins] });

  // @ts-expect-error -- no config at all
  plugin<typeof guard>("./guard.ts");
  // @ts-expect-error -- settings without a config
  plugin<Module<typeof guard>>("./guard.ts", { mode: "shadow" });
  // @ts-expect-error -- a value of another type
  plugin<typeof guard>("./guard.ts", { config: { maxPerMinute: "60" } });
  // @ts-expect-error -- a misspelt name
  plugin<Module<typeof guard>>("./guard.ts", { config: { maxPerMinut: 60 } });
  // @ts-expect-error -- one name too many
  plugin<typeof optional>("./o.ts", { config: { word: ["a"] } });
  // @ts-expect-error -- a date is no JSON
  plugin("./x.ts", { config: { at: new Date(0) } });
  // @ts-expect-error -- a module without a plugin
  plugin<Module<{ a: 1 }>>("./x.ts", { config: {} });
  // @ts-expect-error -- an unknown key
  plugin("./x.ts", { grant: { kv: "client" } });
  // @ts-expect-error -- no such grant
  defineConfig({ plugins: [plugin("./x.ts", { grants: { kv: "all" } })] });
  // @ts-expect-error -- a plugin without a file
  defineConfig({ plugins: [{ config: {} }] });
  expect(plugins).toHaveLength(7);
});
