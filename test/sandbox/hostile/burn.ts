/** Those that spend: time, memory, stack. */
import { type End, type Hostile, asyncHook, file, hook, prelude } from "./kinds.ts";

const late: readonly End[] = ["timeout"];
const full: readonly End[] = ["memory", "threw", "timeout", "crash"];
/** Whether the engine finds the length, the memory or the time first is its own affair. */
const spent: readonly End[] = [...full, "allow"];

function burns(name: string, body: string, ends: readonly End[] = late): Hostile {
  return hook(name, `${body}; return allow();`, { ends });
}

const huge = "({ length: 2 ** 53 - 1 })";

export const cpu: readonly Hostile[] = [
  burns("an endless loop", "for (;;);"),
  burns("a loop that catches everything", "for (;;) { try { for (;;); } catch {} }"),
  burns("a loop whose finally begins anew", "for (;;) { try { continue; } finally { continue; } }"),
  burns("a generator without end", "for (const x of (function* () { for (;;) yield 1; })());"),
  burns("a getter that loops", "({ get x() { for (;;); } }).x"),
  burns("a proxy that loops", "new Proxy({}, { get() { for (;;); } }).x"),
  burns("toString that loops", "`${{ toString() { for (;;); } }}`"),
  burns("a comparison that loops", "[3, 2, 1].sort(() => { for (;;); })"),
  burns("indexOf over 2^53 places", `Array.prototype.indexOf.call(${huge}, 1)`),
  burns("lastIndexOf over 2^53 places", `Array.prototype.lastIndexOf.call(${huge}, 1)`),
  burns("includes over 2^53 places", `Array.prototype.includes.call(${huge}, 1)`),
  burns("reverse over 2^53 places", `Array.prototype.reverse.call(${huge})`, spent),
  burns("splice over 2^53 places", `Array.prototype.splice.call(${huge}, 0, 1)`, spent),
  burns("copyWithin over 2^53 places", `Array.prototype.copyWithin.call(${huge}, 0, 1)`, spent),
  burns("fill over 2^53 places", `Array.prototype.fill.call(${huge}, 1)`, spent),
  burns("join over 2^32 places", "new Array(2 ** 32 - 1).join()", spent),
  burns("sort over 2^32 places", "const a = []; a.length = 2 ** 32 - 1; a.sort()", spent),
  burns(
    "unshift on 2^53 places",
    `Array.prototype.unshift.call({ length: 2 ** 53 - 2 }, 1)`,
    spent,
  ),
  burns(
    "flat of a deep list",
    "let a = []; for (let i = 0; i < 1e5; i++) a = [a]; a.flat(Infinity)",
    spent,
  ),
  burns("a quadratic search", "'a'.repeat(1e6).indexOf('a'.repeat(5e5) + 'b')", spent),
  burns("replaceAll that grows", "let s = 'a'; for (;;) s = s.replaceAll('a', 'aa')", spent),
  burns("a regular expression that goes back", "/^(a+)+$/.test('a'.repeat(40) + '!')"),
  burns("a regular expression with references", "/(.*)*\\1{50}x/.test('a'.repeat(3000))", [
    ...late,
    "threw",
  ]),
  burns("a regular expression with a look behind", "/(?<=(a+)+)$!/.test('a'.repeat(60))", spent),
  burns("a large power", "2n ** 4000000n ** 2n", spent),
  burns("a large number as text", "(3n ** 600000n).toString()", spent),
  burns("a text as a large number", "BigInt('9'.repeat(900000))", spent),
  burns("multiplying large numbers", "let n = 7n; for (;;) n *= n", spent),
  burns("JSON.parse of a large list", "for (;;) JSON.parse('[' + '1,'.repeat(1e5) + '1]')"),
  burns("JSON.stringify with toJSON", "for (;;) JSON.stringify({ toJSON() { return [1]; } })"),
  burns("dates without end", "for (;;) new Date(2020, 1, 1).toLocaleString()"),
  burns("many small functions", "for (;;) (() => ({}))()"),
  hook("a hook over text that loops", "for (;;);", {
    hook: "onText",
    payload: '"text"',
    ends: late,
  }),
  file(
    "setup that loops",
    `${prelude}export default definePlugin({ name: "a", version: "1.0.0", setup() { for (;;); }, onToolCall: () => allow() });`,
  ),
  file("a module that loops", `for (;;);\nexport default { name: "a", version: "1.0.0" };`),
];

export const memory: readonly Hostile[] = [
  burns("a list that grows", "const a = []; for (;;) a.push({})", full),
  burns("a text that doubles", "let s = 'x'; for (;;) s += s", full),
  burns("a text of 2^29", "'x'.repeat(2 ** 29)", full),
  burns("a padded text", "''.padStart(2 ** 30 - 1, 'ab')", full),
  burns("typed arrays", "const a = []; for (;;) a.push(new Uint8Array(1e6))", full),
  burns("one buffer of 2 GB", "new ArrayBuffer(2 ** 31)", full),
  burns(
    "a buffer that is resized",
    "new ArrayBuffer(8, { maxByteLength: 2 ** 31 }).resize(2 ** 30)",
    full,
  ),
  burns("buffers one after the other", "for (;;) new Uint8Array(4e6).fill(7)", full),
  burns("a sparse list", "const a = []; for (let i = 0; ; i += 1000) a[i] = i", full),
  burns("a map that grows", "const m = new Map(); for (let i = 0; ; i++) m.set(i, [i])", full),
  burns("symbols", "for (let i = 0; ; i++) Symbol.for('s' + i)", full),
  burns("closures", "let f = () => 0; for (;;) { const g = f; f = () => g; }", full),
  burns("names of properties", "const o = {}; for (let i = 0; ; i++) o['key' + i] = i", full),
  burns(
    "regular expressions",
    "for (let i = 0; ; i++) new RegExp('(a|b){1,' + (i % 250) + '}'.repeat(99))",
    full,
  ),
  burns(
    "memory that is caught",
    "const a = []; for (;;) { try { for (;;) a.push('x'.repeat(1e6) + a.length); } catch {} }",
    full,
  ),
  file(
    "setup that takes everything",
    `${prelude}export default definePlugin({ name: "a", version: "1.0.0", setup() { const a = []; for (;;) a.push(new Uint8Array(1e6)); }, onToolCall: () => allow() });`,
  ),
];

export const stack: readonly Hostile[] = [
  burns("recursion", "(function f() { f(); })()", ["threw", "crash"]),
  burns("recursion that catches itself", "(function f() { try { f(); } catch { f(); } })()", [
    "threw",
    "crash",
    "timeout",
  ]),
  burns("recursion through a getter", "const o = { get x() { return this.x; } }; o.x", [
    "threw",
    "crash",
  ]),
  burns("recursion through toString", "const o = { toString() { return `${o}`; } }; `${o}`", [
    "threw",
    "crash",
  ]),
  burns("recursion through sort", "(function f() { [2, 1].sort(f); })()", ["threw", "crash"]),
  burns("recursion through replace", "(function f() { 'a'.replace(/a/, f); })()", [
    "threw",
    "crash",
  ]),
  burns("recursion through a proxy", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.x", [
    "threw",
    "crash",
  ]),
  burns("JSON.parse of a deep text", "JSON.parse('['.repeat(200000) + ']'.repeat(200000))", [
    "threw",
    "crash",
    "memory",
  ]),
  burns(
    "JSON.stringify of a deep list",
    "let a = []; for (let i = 0; i < 200000; i++) a = [a]; JSON.stringify(a)",
    ["threw", "crash", "memory", "timeout"],
  ),
  burns("a deep pattern", "new RegExp('('.repeat(50000) + ')'.repeat(50000))", [
    "threw",
    "crash",
    "memory",
  ]),
  burns("a long argument list", "Math.max(...new Array(1e6).fill(1))", [
    "threw",
    "crash",
    "memory",
    "allow",
    "timeout",
  ]),
  burns("apply with 2^32 arguments", "Math.max.apply(null, { length: 2 ** 32 - 1 })", [
    "threw",
    "memory",
  ]),
  burns("bind upon bind", "let f = () => 0; for (let i = 0; i < 1e5; i++) f = f.bind(); f()", [
    "threw",
    "crash",
    "memory",
    "timeout",
  ]),
  burns(
    "prototypes upon prototypes",
    "let o = {}; for (let i = 0; i < 1e6; i++) o = Object.create(o); o.nothing",
    spent,
  ),
];

export const jobs: readonly Hostile[] = [
  asyncHook("a promise that never settles", "await new Promise(() => {}); return allow();", {
    ends: ["never_settles"],
  }),
  hook("a promise that waits for itself", "const p = Promise.resolve().then(() => p); return p;", {
    ends: ["threw", "never_settles"],
  }),
  asyncHook(
    "jobs upon jobs",
    "const again = () => Promise.resolve().then(again); again(); await new Promise(() => {});",
    { ends: ["too_many_jobs", "timeout"] },
  ),
  asyncHook(
    "jobs that go on behind the verdict",
    "const again = () => Promise.resolve().then(again); again(); return allow();",
    { ends: ["too_many_jobs", "timeout", "allow"] },
  ),
  asyncHook("a wide fan of jobs", "for (;;) Promise.resolve().then(() => {});", {
    ends: ["timeout", "memory", "too_many_jobs"],
  }),
  asyncHook("a loop behind an await", "await 0; for (;;);", { ends: ["timeout"] }),
  hook("a thenable that loops", "return { then() { for (;;); } };", {
    ends: ["timeout", "bad_verdict"],
  }),
  hook("a thenable that never calls", "return { then() {} };", {
    ends: ["never_settles", "bad_verdict"],
  }),
  hook(
    "a thenable that calls twice",
    "return { then(yes, no) { no(1); yes(allow()); yes(deny('no')); } };",
    { ends: ["threw", "bad_verdict"] },
  ),
  hook(
    "a thenable that answers with thenables",
    "const t = () => ({ then(yes) { yes(t()); } }); return t();",
    { ends: ["too_many_jobs", "timeout", "bad_verdict"] },
  ),
  asyncHook(
    "a rejection that nobody handles",
    "Promise.reject(new Error('later')); return allow();",
    { ends: ["allow", "threw"] },
  ),
  asyncHook("a store that is not granted", "await ctx.kv.get('a'); return allow();", {
    ends: ["threw"],
  }),
  asyncHook(
    "a network that is not granted",
    "await ctx.fetch('https://example.com/'); return allow();",
    { ends: ["threw"] },
  ),
  asyncHook("host calls without end", "for (;;) await ctx.kv.get('a').catch(() => 0);", {
    ends: ["threw", "timeout", "wall_timeout", "too_many_jobs"],
    waits: true,
  }),
  asyncHook(
    "host calls at once",
    "await Promise.all(Array.from({ length: 200 }, () => ctx.kv.get('a'))); return allow();",
    { ends: ["threw"] },
  ),
];
