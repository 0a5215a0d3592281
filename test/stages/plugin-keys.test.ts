/** Keys of objects as texts: who sees them, and what comes of spans in them, through the whole gateway. */
import { afterEach, expect, test } from "vitest";
import { type Span, allow, redact } from "../../src/plugin.ts";
import type { FakePlugin, HookFunction } from "./fake-plugins.ts";
import { type PluginsRig, openPluginsRig } from "./plugins-rig.ts";

let rig: PluginsRig;
afterEach(() => rig.close());

const result =
  '{"content":[{"type":"text","text":"fine"}], "structuredContent":{"jane":1.0, "b":{"jane doe":"jane"}},"resultType":"complete"}';
const schema = (more: string): string =>
  `{"name":"echo","inputSchema":{"type":"object"},"outputSchema":{"type":"object",${more}}}`;
const open = async (
  plugins: readonly FakePlugin[],
  { tools, config }: { tools?: string; config?: object } = {},
): Promise<PluginsRig> => {
  const upstream = { result: () => result, ...(tools && { tools: () => [tools] }) };
  return (rig = await openPluginsRig(plugins, { upstream, ...(config && { config }) }));
};
/** Replaces a word wherever it stands in what goes one way. */
const replaces =
  (word: string, replacement: string, way = "to_client"): HookFunction =>
  (text: string, { direction }: { direction: string }) => {
    if (direction !== way) return allow();
    const spans = [...text.matchAll(new RegExp(word, "g"))].map((found): Span => [
      found.index,
      found.index + word.length,
      replacement,
    ]);
    return spans.length === 0 ? allow() : redact(spans);
  };
const seen: string[] = [];
const listens: HookFunction = (text: string, { direction }: { direction: string }) => {
  if (direction === "to_client") seen.push(text.replaceAll("\u001e", "|"));
  return allow();
};
afterEach(() => void (seen.length = 0));
const answer = async (): Promise<string> =>
  (await rig.ask("tools/call", { name: "x__echo", arguments: {} })).text;
const sent = (): string =>
  /"arguments":(\{.*?\})[,}]/.exec(rig.upstream.calls[0]?.body ?? "")?.[1] ?? "";

test("each plugin of a chain gets its own text, and its spans fall where it saw them", async () => {
  await open([
    { name: "keyed", seesKeys: true, hooks: { onText: listens } },
    { name: "plain", hooks: { onText: listens } },
    { name: "both", seesKeys: true, hooks: { onText: replaces("jane", "X") } },
    { name: "after", hooks: { onText: replaces("X", "Y") } },
    { name: "last", seesKeys: true, hooks: { onText: listens } },
  ]);
  const text = await answer();
  expect(seen).toEqual(["fine|jane|b|jane doe|jane", "fine|jane", "fine|X|b|X doe|Y"]);
  expect(text).toContain('"structuredContent":{"X":1.0, "b":{"X doe":"Y"}}');
});

test("a plugin without keys is asked once with another one like it, whoever else there is", async () => {
  await open([
    { name: "one", hooks: { onText: listens } },
    { name: "two", hooks: { onText: listens } },
  ]);
  await answer();
  const review = rig.plugins.chains.at(-1) ?? [];
  expect(review).toHaveLength(2);
  expect(review[0]?.payload).toBe(review[1]?.payload);
  expect(review[0]?.payload).not.toContain("doe");
});

const fields =
  '"properties":{"b":{}},"patternProperties":{"^jane":{}},"additionalProperties":false';

test("a key that the tool's outputSchema does not know withholds the answer", async () => {
  await open([{ seesKeys: true, hooks: { onText: replaces("jane", "X") } }], {
    tools: schema(fields),
  });
  const text = await answer();
  expect(text).toContain("RESPONSE_WITHHELD");
  expect(text).not.toContain("doe");
  expect(await rig.records()).toMatchObject([
    {
      decision: "denied",
      code: "RESPONSE_WITHHELD",
      why: expect.stringContaining("structuredContent does not fit"),
      plugins: [{ verdict: "redact" }],
    },
  ]);
});

test("a key that it knows does not, nor does what the server itself had wrong", async () => {
  await open([{ seesKeys: true, hooks: { onText: replaces(" doe", "") } }], {
    tools: schema(fields),
  });
  expect(await answer()).toContain('"structuredContent":{"jane":1.0, "b":{"jane":"jane"}}');
  await rig.close();
  await open([{ seesKeys: true, hooks: { onText: replaces("jane", "X") } }], {
    tools: schema('"required":["never"]'),
  });
  expect(await answer()).toContain('"structuredContent":{"X":1.0');
});

test("spans that make two keys the same are a failure, and under onError allow change nothing", async () => {
  const onText = replaces("jane", "b");
  await open([{ seesKeys: true, hooks: { onText } }]);
  expect(await answer()).toContain("PLUGIN_FAILED");
  expect(await rig.records()).toMatchObject([{ plugins: [{ verdict: "bad_verdict" }] }]);
  await rig.close();
  await open([{ seesKeys: true, onError: "allow", hooks: { onText } }]);
  expect(await answer()).toContain('{"jane":1.0, "b":{"jane doe":"jane"}}');
});

test("keys of arguments are texts as well, and the upstream gets those that were redacted", async () => {
  await open([{ seesKeys: true, hooks: { onText: replaces("jane", "X", "to_server") } }]);
  await rig.call({ jane: { "of jane": "jane" }, other: 1 });
  expect(sent()).toContain('{"X":{"of X":"X"}');
});

test.each([
  ["differs from one that a rule sets in case alone", "region", { xRegion: 1 }],
  ["is one that readers treat differently", "other", { x__proto__: 1 }],
])("a key that %s is a failure, and nothing is sent", async (_, key, args) => {
  await open([{ seesKeys: true, hooks: { onText: replaces("x", "", "to_server") } }], {
    config: { rules: [{ name: "set", on: "x/echo", set: { [key]: "eu" } }] },
  });
  const { result: said } = await rig.call(args);
  expect(said?.content?.[0]?.text).toMatch(/^PLUGIN_FAILED/);
  expect(rig.upstream.calls).toHaveLength(0);
});
