import { expect, test } from "vitest";
import { noHost, open, toCall, toPlugin } from "./engine.ts";

/** Each says in its note what it finds, and leaves something behind for the next call. */
const keepers: readonly (readonly [what: string, code: ReturnType<typeof toPlugin>])[] = [
  [
    "a variable of the module",
    toPlugin("onToolCall: () => allow({ note: String(n++) })", "let n = 0;"),
  ],
  [
    "a map",
    toPlugin(
      "onToolCall(call) { const note = String(seen.size); seen.set(call, call); return allow({ note }); }",
      "const seen = new Map();",
    ),
  ],
  [
    "prototypes",
    toPlugin(
      'onToolCall() { const note = String({}.leak) + [].leak + "".leak; Object.prototype.leak = Array.prototype.leak = String.prototype.leak = 1; return allow({ note }); }',
    ),
  ],
  [
    "built-ins",
    toPlugin(
      "onToolCall() { const note = String(JSON.parse === kept) + (Math.random === random); JSON.parse = () => 1; Math.random = () => 4; return allow({ note }); }",
      "const kept = JSON.parse; const random = Math.random;",
    ),
  ],
  [
    "globals",
    toPlugin(
      "onToolCall() { const note = typeof globalThis.x; globalThis.x = 1; return allow({ note }); }",
    ),
  ],
  [
    "its own config and hooks",
    toPlugin(
      "onToolCall(call, ctx) { const note = JSON.stringify(ctx.config); ctx.config.a = 2; this.onToolCall = () => deny('other'); return allow({ note }); }",
    ),
  ],
  [
    "regular expressions",
    toPlugin(
      "onToolCall() { const note = String(re.lastIndex); re.exec('aa'); return allow({ note }); }",
      "const re = /a/g;",
    ),
  ],
  [
    "promises at work",
    toPlugin(
      "onToolCall() { const note = String(n); (async () => { for (;;) { await 0; n++; } })(); return allow({ note }); }",
      "let n = 0;",
    ),
  ],
  [
    "random numbers",
    toPlugin("onToolCall: () => allow({ note: String(Math.random()) + Math.random() })"),
  ],
  [
    "the order of what is made anew",
    toPlugin(
      "onToolCall() { return allow({ note: String(Symbol.for('a').description) + new Error('x').stack }); }",
    ),
  ],
];

test.each(keepers)("%s are as they were loaded in every call", async (_what, code) => {
  const instance = await open(code, { config: { a: 1 } });
  const first = await instance.call(toCall(), noHost);
  expect(first.outcome.action).toBe("allow");
  for (let count = 0; count < 3; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one call at a time
    const next = await instance.call(toCall(), noHost);
    expect([next.outcome, next.fuel]).toEqual([first.outcome, first.fuel]);
  }
});

test.each(keepers)("%s are as they were loaded in a twin", async (_what, code) => {
  const instance = await open(code, { config: { a: 1 } });
  const first = await instance.call(toCall(), noHost);
  const second = instance.twin();
  const third = second.twin();
  instance.drop();
  for (const twin of [second, third, instance.twin()]) {
    // oxlint-disable-next-line no-await-in-loop -- one call at a time
    const next = await twin.call(toCall(), noHost);
    expect([next.outcome, next.fuel]).toEqual([first.outcome, first.fuel]);
  }
});

const secret = "S3CRET-of-the-first-client";

/** Looks through all the memory that it can get without writing to it. */
const reader = toPlugin(
  `onToolCall(call) {
    if (call.name === "leave") {
      const kept = []; let text = call.arguments.secret;
      for (let i = 0; i < call.arguments.times; i++) kept.push(text + i, new TextCodec(text + i));
      if (call.arguments.end === "throw") throw new Error(text);
      if (call.arguments.end === "loop") for (;;);
      if (call.arguments.end === "starve") for (;;) kept.push(new TextCodec(text.repeat(1000)));
      return allow({ note: text });
    }
    const held = [];
    try { for (let i = 0; i < 2000; i++) held.push(new Uint8Array(new ArrayBuffer(4096))); } catch {}
    let dirty = 0;
    for (const bytes of held) for (let at = 0; at < 4096; at += 64) if (bytes[at] !== 0) dirty++;
    return allow({ note: String(dirty) });
  }`,
  "class TextCodec { constructor(text) { this.bytes = new Uint8Array(text.length); for (let i = 0; i < text.length; i++) this.bytes[i] = text.charCodeAt(i); } }",
);

test.each([
  ["allow", 10],
  ["allow", 2000],
  ["throw", 2000],
  ["loop", 500],
  ["starve", 100],
])(
  "nothing of a call that ends with %s after %i texts is in the next one's memory",
  async (end, times) => {
    const instance = await open(reader, { limits: { cpuMs: 300 } });
    const clean = await instance.call(toCall({ value: { name: "read" } }), noHost);
    const leave = { name: "leave", arguments: { secret, times, end } };
    await instance.call(toCall({ value: leave }), noHost);
    const next = await instance.call(toCall({ value: { name: "read" } }), noHost);
    expect(next.outcome).toEqual({ action: "allow", note: "0" });
    expect([next.outcome, next.fuel, next.memory]).toEqual([
      clean.outcome,
      clean.fuel,
      clean.memory,
    ]);
  },
);

test("a call that waits goes on where it was, though its plugin is to be put back", async () => {
  const instance = await open(
    toPlugin("onToolCall: async (c, ctx) => allow({ note: String(await ctx.kv.get(c.name)) })"),
  );
  const ends = [];
  for (let count = 0; count < 2; count++) {
    const end = instance.call(toCall(), async (_name, args) => {
      instance.reset();
      return { value: args };
    });
    instance.reset();
    // oxlint-disable-next-line no-await-in-loop -- one call at a time
    ends.push((await end).outcome);
    instance.reset();
  }
  const allowed = { action: "allow", note: "read" };
  expect(ends).toEqual([allowed, allowed]);
});

test("two instances of one plugin share nothing", async () => {
  const code = toPlugin("onToolCall: (c, ctx) => allow({ note: String(ctx.config) })");
  const [one, two] = [await open(code, { config: 1 }), await open(code, { config: 2 })];
  const ends = [await one.call(toCall(), noHost), await two.call(toCall(), noHost)];
  expect(ends.map(({ outcome }) => outcome)).toEqual([
    { action: "allow", note: "1" },
    { action: "allow", note: "2" },
  ]);
});
