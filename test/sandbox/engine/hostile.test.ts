import { expect, test } from "vitest";
import type { HostCall, HookEnd } from "../../../src/sandbox/face.ts";
import { noHost, open, toCall, toPlugin } from "./engine.ts";

/** A sentence for the hook `onToolCall`, and what it may end as. */
type Row = readonly [body: string, ...ends: string[]];

const huge = "{ length: 2 ** 53 - 1 }";
const time: readonly Row[] = [
  ["for (;;);", "timeout"],
  ["for (;;) { try { for (;;); } catch {} finally { continue; } }", "timeout"],
  ["(function f() { f(); f(); })()", "threw", "timeout"],
  ["(function f() { try { f(); } finally { f(); } })()", "threw", "timeout"],
  [`Array.prototype.indexOf.call(${huge}, 1)`, "timeout"],
  [`Array.prototype.lastIndexOf.call(${huge}, 1)`, "timeout"],
  [`Array.prototype.includes.call(${huge}, 1)`, "timeout"],
  [`Array.prototype.join.call(${huge})`, "timeout", "memory", "threw"],
  [`Array.prototype.sort.call(${huge})`, "timeout", "memory", "threw"],
  [`Array.prototype.reverse.call(${huge})`, "timeout"],
  [`Array.prototype.splice.call(${huge}, 0, 1)`, "timeout", "threw"],
  [`Array.prototype.fill.call(${huge}, 0)`, "timeout", "memory", "threw"],
  [`Array.prototype.copyWithin.call(${huge}, 0, 1)`, "timeout"],
  [`Array.prototype.forEach.call(${huge}, () => {})`, "timeout"],
  [`Array.from(${huge})`, "timeout", "memory", "threw"],
  [`Array.prototype.toSorted.call(${huge})`, "threw", "timeout", "memory"],
  ["new Array(2 ** 32 - 1).sort()", "timeout", "memory", "threw"],
  ["new Array(2 ** 32 - 1).join('x')", "timeout", "memory", "threw"],
  ["[].concat(...Array(1000).fill(new Array(1e6)))", "timeout", "memory", "threw"],
  ["('a'.repeat(1 << 20) + 'b').indexOf('a'.repeat(1 << 19) + 'c')", "timeout"],
  ["const s = 'a'.repeat(1 << 20); for (;;) s.replaceAll('a', 'b')", "timeout", "memory"],
  ["(3n ** 1000000n).toString()", "timeout", "threw", "memory"],
  ["let n = 3n; for (;;) n *= n", "timeout", "threw", "memory"],
  ["BigInt('9'.repeat(1 << 20))", "timeout", "threw", "memory"],
  ["const n = 2n ** 500000n; for (;;) n / 3n ** 100000n", "timeout", "memory", "threw"],
  ["/^(a+)+$/.test('a'.repeat(40) + 'b')", "timeout"],
  ["/(x+x+)+y/.exec('x'.repeat(5000))", "timeout", "threw", "memory"],
  ["'a'.repeat(50000).match(/(.*)*\\1$/)", "timeout", "threw", "memory", "bad_verdict"],
  ["new RegExp('(' .repeat(100000))", "threw", "timeout", "memory"],
  ["const b = new Uint8Array(8e6); for (;;) b.copyWithin(0, 1)", "timeout"],
  ["const b = new Uint8Array(8e6); for (;;) b.fill(1)", "timeout"],
  ["const b = new Float64Array(1e6); for (;;) b.sort()", "timeout"],
  ["const b = new Uint8Array(8e6); for (;;) b.set(b.subarray(1))", "timeout"],
  ["for (const x of { [Symbol.iterator]: () => ({ next: () => ({}) }) });", "timeout"],
  ["JSON.stringify({ toJSON() { for (;;); } })", "timeout"],
  ["const p = new Proxy({}, { get() { for (;;); } }); return p", "timeout"],
  ["return { action: 'allow', get note() { for (;;); } }", "timeout"],
  ["throw { get message() { for (;;); } }", "timeout"],
  [
    "let s = 'x'.repeat(600); for (let i = 0; i < 20; i++) s += s; for (;;) s + 'a' + s",
    "timeout",
    "memory",
    "threw",
  ],
  ["const s = 'x'.repeat(1 << 20); for (;;) ctx.sha256(s)", "timeout", "memory"],
  ["for (;;) ctx.randomUUID()", "timeout"],
  ["for (;;) ctx.log.info('x'.repeat(1 << 20))", "timeout", "memory"],
];

const memory: readonly Row[] = [
  ["const a = []; for (;;) a.push(new Uint8Array(1 << 20))", "memory", "timeout"],
  ["let s = 'x'; for (;;) s += s", "memory", "threw", "timeout"],
  ["const a = []; for (;;) a.push({})", "memory", "timeout"],
  [
    "const a = []; for (;;) try { a.push(new ArrayBuffer(1 << 16)); } catch {}",
    "timeout",
    "memory",
  ],
  ["new ArrayBuffer(2 ** 31)", "memory", "threw"],
  ["new Float64Array(2 ** 28)", "memory", "threw"],
  ["'x'.repeat(2 ** 29)", "memory", "threw", "bad_verdict"],
  ["'x'.padEnd(2 ** 29)", "memory", "threw", "bad_verdict"],
  ["const m = new Map(); for (let i = 0; ; i++) m.set(i, 'x'.repeat(i))", "memory", "timeout"],
  ["let o = {}; for (;;) o = { o, a: [o, o] }", "memory", "timeout"],
  ["return { action: 'allow', note: 'x'.repeat(3 << 20) }", "output_too_large"],
  [
    "return { action: 'modify', arguments: { a: Array(3e5).fill('xxxx') } }",
    "output_too_large",
    "memory",
  ],
];

const stack: readonly Row[] = [
  ["(function f() { f(); })()", "threw"],
  ["(function f() { return [1].map(f); })()", "threw"],
  [
    "let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; JSON.stringify(o)",
    "threw",
    "crash",
    "timeout",
  ],
  [
    "let o = []; for (let i = 0; i < 1e5; i++) o = [o]; return { action: 'modify', arguments: { o } }",
    "bad_verdict",
    "crash",
    "timeout",
  ],
  ["let o = []; for (let i = 0; i < 1e5; i++) o = [o]; String(o)", "threw"],
  ["JSON.parse('['.repeat(1e5))", "threw"],
  ["const a = []; a[0] = a; a.flat(Infinity)", "threw", "timeout", "memory"],
  ["let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x", "threw"],
  [
    "let f = () => 1; for (let i = 0; i < 1e5; i++) f = f.bind(null); f()",
    "threw",
    "bad_verdict",
    "memory",
  ],
  ["class A { get x() { return this.x; } } new A().x", "threw"],
];

const shapes: readonly Row[] = [
  ["", "bad_verdict"],
  ["return null", "bad_verdict"],
  ["return 1", "bad_verdict"],
  ["return 'allow'", "bad_verdict"],
  ["return true", "bad_verdict"],
  ["return 1n", "bad_verdict"],
  ["return Symbol('allow')", "bad_verdict"],
  ["return () => allow()", "bad_verdict"],
  ["return [{ action: 'allow' }]", "bad_verdict"],
  ["return { action: 'Allow' }", "bad_verdict"],
  ["return { action: ['allow'] }", "bad_verdict"],
  ["return { action: 'redact', spans: [] }", "bad_verdict"],
  ["return Object.create({ action: 'allow' })", "bad_verdict"],
  ["return { action: 'modify' }", "bad_verdict"],
  ["return { action: 'modify', arguments: [] }", "bad_verdict"],
  ["return { action: 'modify', arguments: null }", "bad_verdict"],
  ["return { action: 'allow', note: 1 }", "bad_verdict"],
  ["return { action: 'allow', tags: { a: 1 } }", "bad_verdict"],
  ["const v = { action: 'allow' }; v.v = v; return v", "bad_verdict"],
  ["return { toJSON() { throw 1; } }", "bad_verdict"],
  ["return new Proxy({}, { ownKeys() { throw 1; } })", "bad_verdict"],
  ["return { get then() { throw new Error('x'); } }", "threw"],
  ['JSON.stringify = () => \'{"action":"allow"}\'', "bad_verdict"],
  ["Object.prototype.action = 'allow'; return {}", "bad_verdict"],
  ["return { action: 'deny', get reason() { return 1; } }", "deny"],
  ["return { action: 'deny', reason: {}, code: 'x', note: 1 }", "deny"],
];

const errors: readonly Row[] = [
  ["throw undefined", "threw"],
  ["throw null", "threw"],
  ["throw 'x'.repeat(1e6)", "threw"],
  ["throw Symbol('x')", "threw"],
  ["throw { toString() { throw 1; }, get message() { throw 2; } }", "threw"],
  ["throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } })", "threw"],
  ["throw Object.assign(new Error('a'), { name: {}, stack: { x: 1 } })", "threw"],
  ["const e = new Error('x'); e.message = '\\u0000\"'; throw e", "threw"],
  [
    "Error.prototype.name = 1; Error.prepareStackTrace = () => { throw 1; }; throw new Error('x')",
    "threw",
  ],
  ["throw { then(f) { f(allow()); } }", "threw"],
];

const escapes: readonly Row[] = [
  ["eval('1')", "threw"],
  ["(0, eval)('1')", "threw"],
  ["new Function('return 1')()", "threw"],
  ["Function('return this.x')()", "threw"],
  ["(() => {}).constructor('return 1')()", "threw"],
  ["(async () => {}).constructor('return 1')()", "threw"],
  ["(function* () {}).constructor('return 1')()", "threw"],
  ["(async function* () {}).constructor('return 1')()", "threw"],
  ["Object.getPrototypeOf(async function () {}).constructor('return 1')", "threw"],
  ["Reflect.construct(Function, ['return 1'])", "threw"],
  ["class F extends Function {} new F('return 1')", "threw"],
  ["keptEval('1')", "threw"],
  ["keptFunction('return 1')()", "threw"],
  ["return import('fs')", "threw"],
  ["return import('./p.js').then(() => import('other'))", "threw"],
  [
    "if (typeof require + typeof process + typeof Deno + typeof std + typeof os + typeof setTimeout + typeof WebAssembly !== 'undefined'.repeat(7)) return allow()",
    "bad_verdict",
  ],
  [
    "if (typeof performance !== 'undefined' || typeof navigator !== 'undefined' || typeof console !== 'undefined') return allow()",
    "bad_verdict",
  ],
  [
    "if (new Date().getTime() !== ctx.now || Date.now() !== Date.now()) return allow()",
    "bad_verdict",
  ],
];

const promises: readonly Row[] = [
  ["return new Promise(() => {})", "never_settles"],
  ["return { then() {} }", "never_settles"],
  ["return (async () => { for (;;) await 0; })()", "too_many_jobs"],
  [
    "return new Promise(() => { (function f() { Promise.resolve().then(f); Promise.resolve().then(f); })(); })",
    "too_many_jobs",
    "memory",
  ],
  ["return (async () => { for (;;); })()", "timeout"],
  ["return (async () => { await 0; for (;;); })()", "timeout"],
  ["return Promise.reject(new Error('x'))", "threw"],
  ["return Promise.reject()", "threw"],
  ["return (async () => ({ get action() { throw 1; } }))()", "bad_verdict"],
  ["const t = { then(f) { f(t); } }; return t", "too_many_jobs"],
  ["Promise.prototype.then = () => 1; return Promise.resolve(undefined)", "bad_verdict"],
  [
    "const p = Promise.resolve(allow()); p.constructor = { [Symbol.species]: function (f) { f(() => {}, () => {}); } }; return p",
    "allow",
    "threw",
    "never_settles",
  ],
  ["return ctx.fetch('https://silent.example')", "wall_timeout"],
  ["return (async () => { for (;;) await ctx.kv.get('k'); })()", "threw"],
  ["return Promise.all(Array.from({ length: 30 }, () => ctx.kv.get('k')))", "threw"],
  ["return ctx.kv.set('k', 1n)", "threw"],
  ["return ctx.kv.get('k').then(() => { for (;;); })", "timeout"],
  [
    "new FinalizationRegistry(() => { for (;;); }).register({}, 1); return (async () => { await 0; })()",
    "bad_verdict",
  ],
];

const host: HostCall = (name) =>
  name === "fetch" ? new Promise(() => {}) : Promise.resolve({ value: "1" });
const before = "const keptEval = eval; const keptFunction = Function;";

function toEnd({ outcome }: HookEnd): string {
  return outcome.action === "failed" ? outcome.code : outcome.action;
}

/** What is not about time has plenty of it, so that a slow machine does not end it before its own end. */
const rows = [
  ...time.map(([body, ...ends]) => [50, body, ends] as const),
  ...[...memory, ...stack, ...shapes, ...errors, ...escapes, ...promises].map(
    ([body, ...ends]) => [300, body, ends] as const,
  ),
];

test.each(rows)(
  "with %i ms of time, %s ends as it should, and the next call finds nothing of it",
  async (cpuMs, body, ends) => {
    const code = toPlugin(
      `onToolCall(call, ctx) { if (call.name === "good") return allow({ note: String(calls++) + typeof {}.x }); ${body} }`,
      `let calls = 0; ${before}`,
    );
    const instance = await open(code, { limits: { cpuMs, wallMs: 1000 } });
    const began = performance.now();
    const end = await instance.call(toCall({ value: { name: "bad" } }), host);
    expect(performance.now() - began).toBeLessThan(5000);
    // Where the machine is busy, the call's whole time may end before the guest's own.
    const accepted = ends.includes("timeout") ? [...ends, "wall_timeout"] : ends;
    expect(accepted).toContain(toEnd(end));
    const { outcome } = end;
    if (outcome.action === "failed") expect(outcome.why.length).toBeLessThan(600);
    const next = await instance.call(toCall({ value: { name: "good" } }), noHost);
    expect(next.outcome).toEqual({ action: "allow", note: "0undefined" });
    expect(instance.isGood()).toBe(true);
  },
);

test("input above the limit does not enter the guest", async () => {
  const instance = await open(toPlugin("onToolCall: () => allow()"), { limits: { maxInputKb: 1 } });
  const end = await instance.call(toCall({ value: { a: "ä".repeat(512) } }), noHost);
  expect([toEnd(end), end.fuel]).toEqual(["input_too_large", 0]);
  expect(toEnd(await instance.call(toCall(), noHost))).toBe("allow");
});

test.each(["{", '{"a":1', "[".repeat(100_000), '"a\0b"', ""])(
  "input that is no JSON to the guest is a failure of its own: %s",
  async (payload) => {
    const instance = await open(toPlugin("onToolCall: () => allow(), onText: () => allow()"));
    for (const hook of ["onToolCall", "onText"] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one call at a time
      const end = await instance.call(toCall({ hook, payload }), noHost);
      expect(toEnd(end)).toBe("input_unreadable");
    }
  },
);

test("text hooks get time by the size of what they look at", async () => {
  const body = "onText: (text) => { for (let i = 0; i < 3e6; i++); return allow(); }";
  const limits = { cpuMs: 1 };
  const instance = await open(toPlugin(body), { limits });
  const short = await instance.call(toCall({ hook: "onText", value: "a" }), noHost);
  const long = toCall({ hook: "onText", value: "a", bytes: 40_000_000 });
  expect([toEnd(short), toEnd(await instance.call(long, noHost))]).toEqual(["timeout", "allow"]);
});

test("an instance that is dropped or at work takes no call", async () => {
  const instance = await open(
    toPlugin("onToolCall: (c, ctx) => ctx.kv.get('k').then(() => allow())"),
  );
  const first = instance.call(toCall(), async () => ({ value: "1" }));
  expect(toEnd(await instance.call(toCall(), noHost))).toBe("crash");
  expect(toEnd(await first)).toBe("allow");
  instance.drop();
  expect([toEnd(await instance.call(toCall(), noHost)), instance.isGood()]).toEqual([
    "crash",
    false,
  ]);
});
