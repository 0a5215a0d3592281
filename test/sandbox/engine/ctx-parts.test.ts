import fc from "fast-check";
import { expect, test } from "vitest";
import { findParts } from "../../../src/sandbox/engine/ctx-parts.ts";
import { ctxParts, spanUnit } from "../../../src/sandbox/engine/guest/bootstrap.ts";
import { open, toCall, toPlugin, noHost } from "./engine.ts";

/** As the guest reads it. */
function readParts(json: string): unknown {
  const { mask, spans } = findParts(json);
  if (mask < 0) return undefined;
  const found = ctxParts.flatMap((name, index) => {
    if (((mask >> index) & 1) === 0) return [];
    const to = (spans[index] ?? 0) % spanUnit;
    return [[name, JSON.parse(json.slice(((spans[index] ?? 0) - to) / spanUnit, to)) as unknown]];
  });
  return Object.fromEntries(found);
}

test("the parts of a context are what JSON.parse finds in it, whatever their values hold", () => {
  const member = fc.tuple(fc.constantFrom(...ctxParts), fc.jsonValue());
  fc.assert(
    fc.property(fc.uniqueArray(member, { selector: ([name]) => name, minLength: 1 }), (members) => {
      const json = JSON.stringify(Object.fromEntries(members));
      expect(readParts(json)).toEqual(JSON.parse(json));
    }),
  );
});

test.each([
  "{}",
  "null",
  "",
  "{",
  '{"client":{}',
  '{"client":{}}}',
  '{"client" :{}}',
  '{"client":{},"client":{"id":"b"}}',
  '{"client":{},"other":1}',
  '{"cl\\u0069ent":{}}',
  '{"client":"\\"}',
])("a context that is written as %s is parsed as a whole", (json) => {
  expect(findParts(json).mask).toBe(-1);
});

const shown = `onToolCall(call, ctx) {
  const { now, log, kv, fetch, sha256, randomUUID, config, ...rest } = ctx;
  return allow({ note: JSON.stringify([rest, Object.keys(rest), "tool" in ctx]) });
}`;
test.each([
  ["with a tool", { requestId: "r", client: { id: "a" }, tool: { name: 't"\\' } }],
  ["without any member", {}],
  ["with a member that nobody knows", { client: { id: "a" }, tool: { name: "t" }, other: [1] }],
])("a hook sees a context %s as plain data", async (_name, ctx) => {
  const plugin = await open(toPlugin(shown));
  const { outcome } = await plugin.call(toCall({ ctx: JSON.stringify(ctx) }), noHost);
  const note = JSON.stringify([ctx, Object.keys(ctx), "tool" in ctx]);
  expect(outcome).toEqual({ action: "allow", note });
});

test("a hook may write to its context, and freeze it, and the next call finds nothing of it", async () => {
  const plugin = await open(
    toPlugin(`onToolCall(call, ctx) {
      const before = ctx.client.id;
      if (call.name === "freeze") { Object.freeze(ctx); return allow({ note: ctx.method }); }
      ctx.client.id = "changed"; ctx.method = 7; ctx.extra = 1;
      return allow({ note: [before, ctx.client.id, ctx.method].join() });
    }`),
  );
  const notes = [];
  for (const name of ["write", "freeze", "write"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { outcome } = await plugin.call(toCall({ value: { name } }), noHost);
    notes.push("note" in outcome ? outcome.note : outcome);
  }
  expect(notes).toEqual(["c1,changed,7", "tools/call", "c1,changed,7"]);
});
