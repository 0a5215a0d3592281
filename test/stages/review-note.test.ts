import { expect, test } from "vitest";
import { type PluginHit, createCanceller } from "../../src/core/index.ts";
import { type JsonObject, reread, textOf } from "../../src/mcp/index.ts";
import { allow, deny, redact } from "../../src/plugin.ts";
import type { AskFacts } from "../../src/stages/plugin-ctx.ts";
import { createPluginDesk } from "../../src/stages/plugin-desk.ts";
import { createNoteReview } from "../../src/stages/review-note.ts";
import { type HookFunction, fakePlugins } from "./fake-plugins.ts";

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const hits: PluginHit[] = [];
const facts = {
  id: "1",
  time: 0,
  client: { name: "a", subject: undefined },
  input: { kind: "stream", caller: { revision: "2025-11-25", clientInfo: undefined } },
  signal: createCanceller().signal,
  plugins: hits,
} as unknown as AskFacts;
const news = (text: string) => ({
  kind: "notification" as const,
  method: "notifications/resources/updated",
  params: reread(text) as JsonObject,
});
const told = news('{"uri":"file:///a", "title" : "a WORD"}');

function open(onText: HookFunction) {
  const plugins = fakePlugins({ hooks: { onText } });
  return { notes: createNoteReview(createPluginDesk(plugins, silent)), plugins };
}

test("a subscription's message is told with its texts as a plugin leaves them", async () => {
  const { notes } = open((text: string) => redact([[2, text.length, "█"]]));
  const changed = await notes.news(facts, "x", told);
  expect(changed && textOf(changed.params!)).toBe('{"uri":"file:///a", "title" : "a █"}');
});

test("a subscription goes on without a message that a plugin refuses", async () => {
  const { notes } = open(() => deny("no"));
  expect(await notes.news(facts, "x", told)).toBeUndefined();
  expect(hits.at(-1)).toMatchObject({ verdict: "deny", stage: "review", why: "no" });
});

test("a message without texts is put to no plugin, and stays the same", async () => {
  const { notes, plugins } = open(() => deny("no"));
  const bare = news('{"uri":"file:///a"}');
  expect(await notes.news(facts, "x", bare)).toBe(bare);
  expect(plugins.chains).toEqual([]);
});

test("a message that plugins allow is the same object", async () => {
  const { notes } = open(() => allow());
  expect(await notes.news(facts, "x", told)).toBe(told);
});
