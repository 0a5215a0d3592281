/** Which plugin files are asked, in which order, and what each of them sees. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";

/** Adds its mark to what it is given, and refuses what bears its name. */
const marks = (name: string, more = "") => `import { definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin<{ mark: string }>({
  name: "${name}",
  version: "1.0.0",
  ${more}
  onToolCall: (call, { config }) => {
    if (call.arguments?.refuse === config.mark) return deny("refused by " + config.mark);
    const marks = ((call.arguments?.marks as string | undefined) ?? "") + config.mark;
    return { action: "modify", arguments: { ...call.arguments, marks } };
  },
  onToolResult: (result, { config }) => {
    const [block] = result.content;
    if (block?.type !== "text") return { action: "modify", result };
    return { action: "modify", result: { ...result, content: [{ ...block, text: block.text + config.mark }] } };
  },
});
`;

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: {
      "first.ts": marks("first"),
      "second.ts": marks("second"),
      "narrow.ts": marks("narrow", 'match: { on: ["*/narrow*"], methods: ["tools/*"] },'),
    },
    plugins: [
      { use: "./first.ts", config: { mark: "1" }, match: { on: ["*/echo"] } },
      { use: "./second.ts", config: { mark: "2" }, match: { on: ["*/echo"] } },
      { use: "./narrow.ts", config: { mark: "n" }, match: { on: ["modern/*"] } },
    ],
    tools: ["echo", "narrow", "other"].map((name) => anyTool(name)),
  });
}, startMs);
afterAll(() => rig.close());

const names = async () => (await rig.last()).plugins?.map(({ name, hook }) => `${name} ${hook}`);

test.each(ways)(
  "plugins are asked in the config's order, each about what the one before made of it, for a $client client and a $server server",
  async (way) => {
    const { result } = await rig.call("echo", { say: "said" }, { way });
    expect(rig.got(way.server)).toBe('{"say":"said","marks":"12"}');
    expect(result?.content?.[0]?.text).toBe("said12");
    expect(await names()).toEqual([
      "first onToolCall",
      "second onToolCall",
      "first onToolResult",
      "second onToolResult",
    ]);
  },
);

test("the first deny ends the chain", async () => {
  const before = rig.reached();
  expect((await rig.call("echo", { refuse: "1" })).text).toContain("refused by 1");
  expect(await names()).toEqual(["first onToolCall"]);
  expect((await rig.call("echo", { refuse: "2" })).text).toContain("refused by 2");
  expect(await names()).toEqual(["first onToolCall", "second onToolCall"]);
  expect(rig.reached()).toBe(before);
});

test("a plugin is asked where both its own match and the config's fit, and nowhere else", async () => {
  const both = { client: "modern", server: "modern" } as const;
  const ownAlone = { client: "modern", server: "legacy" } as const;
  await rig.call("narrow", { refuse: "1" }, { way: both });
  expect(rig.got("modern")).toBe('{"refuse":"1","marks":"n"}');
  await rig.call("narrow", { refuse: "n" }, { way: ownAlone });
  expect(rig.got("legacy")).toBe('{"refuse":"n"}');
  expect(await names()).toBeUndefined();
  await rig.call("other", { refuse: "n" }, { way: both });
  expect(rig.got("modern")).toBe('{"refuse":"n"}');
  expect(await names()).toBeUndefined();
});
