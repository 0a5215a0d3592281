/** A plugin file that asks for the keys of objects, and what the config says of that, in both eras. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PluginsRig, openPluginsRig, startMs, ways } from "./plugins-rig.ts";

const reader = (name: string, match: string): string => `
import { type Span, allow, definePlugin, redact } from "mcp-gw/plugin";

export default definePlugin({
  name: "${name}",
  version: "1.0.0",
  ${match}
  onText: (text) => {
    const spans = [...text.matchAll(/${name}-[a-z]+/g)].map(
      (found): Span => [found.index, found.index + found[0].length, "hidden"],
    );
    return spans.length === 0 ? allow() : redact(spans);
  },
});
`;

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: {
      "keyed.ts": reader("keyed", "match: { keys: true },"),
      "plain.ts": reader("plain", ""),
      "kept.ts": reader("kept", "match: { keys: true },"),
    },
    plugins: [
      { use: "./plain.ts" },
      { use: "./keyed.ts" },
      { use: "./kept.ts", match: { keys: false } },
    ],
    // The arguments come back as structured content; in the source of the answer, to see its bytes.
    answer: ({ text }) => {
      const back = /"back":"((?:[^"\\\\]|\\\\.)*)"/.exec(text)?.[1] ?? "e30=";
      const structured = Buffer.from(back, "base64").toString("utf8");
      const content = '"content":[{"type":"text","text":"keyed-text"}]';
      return {
        end: `"result":{"resultType":"complete",${content},"structuredContent":${structured}}`,
      };
    },
  });
}, startMs);
afterAll(() => rig.close());

const back = (json: string): { readonly back: string } => ({
  back: Buffer.from(json).toString("base64"),
});

describe.each(ways)("for a $client client and a $server server", (way) => {
  test("keys of structured content are redacted for who asked, and all else keeps its bytes", async () => {
    const json = '{"keyed-a" : 1.0, "plain-a":[{"kept-a":"keyed-b"}], "\\u0061":"plain-b kept-b"}';
    const { said } = await rig.call("echo", back(json), { way });
    const wanted = '{"hidden" : 1.0, "plain-a":[{"kept-a":"hidden"}], "\\u0061":"hidden hidden"}';
    expect(said).toContain(`"structuredContent":${wanted}`);
    expect(said).toContain('"text":"hidden"');
  });

  test("keys of arguments are redacted before they are sent", async () => {
    await rig.call("echo", { "keyed-a": { "plain-a": "keyed-b" }, "kept-a": 1 }, { way });
    expect(rig.got(way.server)).toBe('{"hidden":{"plain-a":"hidden"},"kept-a":1}');
  });

  test("keys that would become the same refuse the call, and the server gets nothing", async () => {
    const before = rig.reached();
    // A plugin that fails five times is kept from its client.
    const as = way.server === "modern" ? "a" : "b";
    const { code } = await rig.call("echo", { "keyed-a": 1, "keyed-b": 2 }, { way, as });
    expect(code).toBe("PLUGIN_FAILED");
    expect(rig.reached()).toBe(before);
    const { said } = await rig.call("echo", back('{"keyed-a":1,"keyed-b":2}'), { way, as });
    expect(said).toContain("PLUGIN_FAILED");
    expect(said).not.toContain("structuredContent");
    const { plugins = [] } = await rig.last();
    expect(plugins).toContainEqual(
      expect.objectContaining({ name: "keyed", stage: "review", verdict: "bad_verdict" }),
    );
  });
});
