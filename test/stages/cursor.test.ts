import { expect, test } from "vitest";
import { createSealer } from "../../src/core/index.ts";
import { type CursorOwner, createCursors } from "../../src/stages/cursor.ts";
import { handClock } from "../stores/ports.ts";

const key = new Uint8Array(32).fill(7);
const owner: CursorOwner = {
  client: { name: "a", subject: "s" },
  endpoint: { upstream: undefined },
  list: "tools",
};
const place = { upstream: "u", last: ["u__b", "u__a"], isAll: true };

function open(label = "cursor") {
  const clock = handClock();
  return { clock, cursors: createCursors(createSealer([key], label), clock) };
}

test("a cursor opens for its own caller and list, and tells the place", async () => {
  const { cursors } = open();
  const cursor = await cursors.seal(owner, place);
  expect(cursor).not.toContain("u__");
  expect(await cursors.open(owner, cursor)).toMatchObject(place);
});

test.each<[string, Partial<CursorOwner>]>([
  ["client", { client: { name: "b", subject: "s" } }],
  ["subject", { client: { name: "a", subject: "t" } }],
  ["client without a subject", { client: { name: "a", subject: undefined } }],
  ["endpoint", { endpoint: { upstream: "u" } }],
  ["list", { list: "prompts" }],
])("a cursor of another %s does not open", async (_, other) => {
  const { cursors } = open();
  const cursor = await cursors.seal({ ...owner, ...other }, place);
  expect(await cursors.open(owner, cursor)).toBeUndefined();
});

test("a cursor ends after ten minutes", async () => {
  const { cursors, clock } = open();
  const cursor = await cursors.seal(owner, place);
  clock.advance(599_999);
  expect(await cursors.open(owner, cursor)).toBeDefined();
  clock.advance(1);
  expect(await cursors.open(owner, cursor)).toBeUndefined();
});

test("an altered cursor, one of another use and one of nobody do not open", async () => {
  const { cursors } = open();
  const cursor = await cursors.seal(owner, place);
  const parts = cursor.split(".");
  for (const [index, part] of parts.entries()) {
    // The first character of a part: the last one may hold bits that mean nothing.
    const other = `${part.startsWith("A") ? "B" : "A"}${part.slice(1)}`;
    const altered = part === "" ? "A" : other;
    const forged = parts.map((each, at) => (at === index ? altered : each)).join(".");
    expect(await cursors.open(owner, forged)).toBeUndefined();
  }
  const foreign = await open("session").cursors.seal(owner, place);
  for (const forged of [foreign, "", "500", "c/2", cursor.slice(1), "x".repeat(100_000)]) {
    expect(await cursors.open(owner, forged)).toBeUndefined();
  }
});
