import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hostile } from "../../bench/hostile.ts";
import { type McpMessage, isObject, parseJson, reread } from "../../src/mcp/index.ts";
import { MAX_WORK, TooCostly, openBudget, withinBudget } from "../../src/sanitize/budget.ts";
import { createCursor } from "../../src/sanitize/cursor.ts";
import { cleanJson, cleanMessage, cleanText, resolveSettings } from "../../src/sanitize/index.ts";
import { cleanAt } from "../../src/sanitize/json.ts";
import { openLedger } from "../../src/sanitize/ledger.ts";
import { dataPlace } from "../../src/sanitize/places.ts";
import { honest } from "./honest.ts";
import { githubToken } from "./samples.ts";

const settings = resolveSettings();
const MEGABYTES = 1_000_000;

function result(value: unknown): McpMessage {
  const read = parseJson(JSON.stringify(value));
  if (!read.ok || !isObject(read.json)) throw new Error("The sample is no object");
  return { kind: "result", result: read.json };
}

/** Units of work. */
function costOf(value: unknown): number {
  let spent = 0;
  const budget = { spend: (units: number) => void (spent += units) };
  const ledger = openLedger(settings, budget);
  cleanAt(reread(JSON.stringify(value)), dataPlace, { settings, ledger, budget }, []);
  return spent;
}

test.each(honest)("10 MB of %s are not too costly", (_, make) => {
  const text = make(10 * MEGABYTES);
  const cleaned = cleanMessage(result({ content: [{ type: "text", text }] }), settings, {
    method: "tools/call",
  });
  expect(cleaned.denied).toBeUndefined();
  expect(costOf({ text: make(MEGABYTES) })).toBeLessThan((MAX_WORK / 10) * 0.7);
});

test.each(["prose", "base64"])("10 MB of %s in a blob are not too costly", (name) => {
  const text = honest.find(([each]) => each === name)![1](7 * MEGABYTES);
  const cleaned = cleanMessage(
    result({ contents: [{ uri: "a:b", blob: btoa(text.replaceAll(/[^ -~]/g, " ")) }] }),
    settings,
    {
      method: "resources/read",
    },
  );
  expect(cleaned.denied).toBeUndefined();
});

test.each(hostile)("%s cost twice as much where they are twice as long, not more", (_, make) => {
  const half = costOf(make(60_000));
  expect(costOf(make(120_000))).toBeLessThan(2.6 * half);
});

const costly = "a\u200b".repeat(8 * MEGABYTES);

test.each(["redact", "mask", "deny", "report"] as const)(
  "what is too costly is withheld, and nothing of it is left, where secrets are %s",
  (secrets) => {
    const each = resolveSettings({ secrets });
    const tooCostly = {
      denied: expect.stringContaining("too-costly") as string,
      redactions: [{ kind: "too-costly", where: "", count: 1 }],
    };
    const method = "tools/call";
    expect(cleanMessage(result({ x: costly }), each, { method })).toMatchObject({
      ...tooCostly,
      message: { kind: "result", result: { source: "{}" } },
    });
    expect(cleanJson(reread(JSON.stringify(costly)), each)).toMatchObject({
      ...tooCostly,
      json: { source: '"[withheld]"' },
    });
    expect(cleanText(costly, each)).toMatchObject({ ...tooCostly, text: "[withheld]" });
  },
);

test("a notification and an error that are too costly are emptied", () => {
  const data = reread(JSON.stringify({ x: costly }));
  if (!isObject(data)) throw new Error("The sample is no object");
  const method = "tools/call";
  const notification = { kind: "notification", method: "notifications/message", params: data };
  const cleaned = cleanMessage(notification as McpMessage, settings, { method });
  expect(cleaned.message).toEqual({ ...notification, params: undefined });
  expect(cleaned.denied).toContain("too-costly");
  const error = { kind: "error", code: -1, message: "A long story", data } as const;
  expect(cleanMessage(error, settings, { method }).message).toEqual({
    ...error,
    message: "[withheld]",
    data: undefined,
  });
});

test("two runs over one message cost the same", () => {
  for (const [, make] of hostile) {
    const value = make(2_000);
    expect(costOf(value)).toBe(costOf(value));
  }
});

test("a budget ends the work that spends more, and no other error", () => {
  expect(withinBudget((budget) => (budget.spend(10), "done"), openBudget(10))).toBe("done");
  expect(withinBudget((budget) => (budget.spend(11), "done"), openBudget(10))).toBeUndefined();
  expect(() => openBudget(10).spend(11)).toThrow(TooCostly);
  expect(() =>
    withinBudget(() => {
      throw new RangeError("bug");
    }),
  ).toThrow(RangeError);
});

test("keys that become one keep apart, in order, around numbers that are taken", () => {
  const tokens = Array.from({ length: 4 }, (_, index) => `AKIA${"ABCDEFGHIJKLMNO"}${index + 2}`);
  const value = Object.fromEntries(
    [...tokens, "[redacted:aws-access-key]#3"].map((key) => [key, 1]),
  );
  const { json } = cleanJson(reread(JSON.stringify(value)), settings);
  const name = "[redacted:aws-access-key]";
  expect(Object.keys(JSON.parse(json.source) as object)).toEqual([
    name,
    `${name}#2`,
    `${name}#4`,
    `${name}#5`,
    `${name}#3`,
  ]);
});

test("20,000 keys that become one are numbered one after the other", () => {
  const keys = Array.from(
    { length: 20_000 },
    (_, index) => [`password=hunter${index}`, 1] as const,
  );
  const { json } = cleanJson(reread(JSON.stringify(Object.fromEntries(keys))), settings);
  expect(Object.keys(JSON.parse(json.source) as object).at(-1)).toBe(
    "password=[redacted:password]#20000",
  );
});

test("a long key is named in no pointer, though what is below it is cleaned", () => {
  const { redactions } = cleanJson(
    reread(JSON.stringify({ ["x".repeat(2_000)]: { a: githubToken } })),
    settings,
  );
  expect(redactions).toEqual([{ kind: "github-token", where: "/[long]/a", count: 1 }]);
});

test("a cursor finds what a search from each place finds", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[ab1]{0,40}$/), fc.array(fc.nat(40)), (text, places) => {
      const cursor = createCursor(text, /1/g);
      for (const from of places.filter((place) => place <= text.length)) {
        const found = text.indexOf("1", from);
        expect(cursor(from)).toBe(found === -1 ? text.length : found);
      }
    }),
  );
});

test.each(["ghp_", "glpat-", "sk-proj-", "bearer ", "eyJhbGciOiJub25lIn0.", ""])(
  "a word of 12 MB after %j is searched to its end, or withheld",
  (start) => {
    const { text, denied } = cleanText(start + "a".repeat(12 * MEGABYTES), settings);
    expect(denied === undefined || text === "[withheld]").toBe(true);
  },
);
