/** Those that lie, remember, or want out. */
import { type End, type Hostile, asyncHook, file, hook, prelude } from "./kinds.ts";

const bad: readonly End[] = ["bad_verdict"];

function says(name: string, verdict: string, more: Partial<Hostile> = {}): Hostile {
  return hook(name, `return ${verdict};`, { ends: bad, ...more });
}

export const verdicts: readonly Hostile[] = [
  says("nothing", "undefined"),
  says("null", "null"),
  says("true", "true"),
  says("a text", "'allow'"),
  says("a list", "[allow()]"),
  says("an unknown action", "({ action: 'permit' })"),
  says("an action in other letters", "({ action: 'Allow' })"),
  says("an action that is no text", "({ action: { toString: () => 'allow' } })"),
  says("an action by inheritance", "Object.create({ action: 'allow' })", {
    ends: [...bad, "allow"],
  }),
  says(
    "a getter that says two things",
    "({ n: 0, get action() { return this.n++ ? 'allow' : 'deny'; } })",
    { ends: [...bad, "deny", "allow"] },
  ),
  says(
    "a proxy that says two things",
    "new Proxy({}, { n: 0, get(t, k) { return k === 'action' ? (this.n++ ? 'allow' : 'deny') : undefined; } })",
    { ends: [...bad, "deny", "threw", "allow"] },
  ),
  says(
    "toJSON that turns a deny round",
    "({ action: 'deny', reason: '', toJSON: () => ({ action: 'allow' }) })",
    { ends: [...bad, "deny"] },
  ),
  says("a function", "() => allow()"),
  says("a symbol", "Symbol('allow')"),
  says("a large number", "1n"),
  says("a verdict in a verdict", "({ action: allow() })"),
  says("redact where nothing is text", "redact([[0, 1]])"),
  says("modify with another name", "({ action: 'modify', name: 'other', arguments: {} })", {
    ends: [...bad, "modify"],
  }),
  says("modify without arguments", "({ action: 'modify' })"),
  says("modify with a list", "({ action: 'modify', arguments: [1] })"),
  says(
    "modify with a circle",
    "(() => { const a = {}; a.a = a; return { action: 'modify', arguments: a }; })()",
    { ends: [...bad, "threw"] },
  ),
  says(
    "modify with more than it may say",
    "({ action: 'modify', arguments: { a: 'x'.repeat(1.1e6) } })",
    {
      ends: ["output_too_large"],
    },
  ),
  says(
    "modify with a million names",
    "({ action: 'modify', arguments: Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => ['k'.repeat(20) + i, 1])) })",
    { ends: ["output_too_large", "timeout", "memory"] },
  ),
  says("a reason of 2 MB", "deny('x'.repeat(2e6))", {
    ends: [...bad, "deny", "output_too_large", "timeout"],
  }),
  says("a reason that is no text", "({ action: 'deny', reason: { toString() { for (;;); } } })", {
    ends: [...bad, "deny"],
  }),
  says("a span behind the text", "redact([[0, 99]])", { hook: "onText", payload: '"text"' }),
  says("a span before the text", "redact([[-1, 2]])", { hook: "onText", payload: '"text"' }),
  says("a span that runs back", "redact([[3, 1]])", { hook: "onText", payload: '"text"' }),
  says("a span of halves", "redact([[0.5, 1.5]])", { hook: "onText", payload: '"text"' }),
  says("a span without numbers", "redact([['0', '1']])", { hook: "onText", payload: '"text"' }),
  says("NaN as a span", "redact([[NaN, NaN]])", { hook: "onText", payload: '"text"' }),
  says("a million spans", "redact(Array.from({ length: 1e6 }, () => [0, 1]))", {
    hook: "onText",
    payload: '"text"',
    ends: ["output_too_large", "memory", "timeout", ...bad],
  }),
];

export const errors: readonly Hostile[] = [
  hook("an error", "throw new Error('no');"),
  hook("undefined thrown", "throw undefined;"),
  hook("null thrown", "throw null;"),
  hook("a symbol thrown", "throw Symbol('x');"),
  hook(
    "a proxy thrown",
    "throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } });",
  ),
  hook(
    "an error whose message loops",
    "const e = new Error(); Object.defineProperty(e, 'message', { get() { for (;;); } }); throw e;",
    { ends: ["threw", "timeout"] },
  ),
  hook(
    "an error whose stack throws",
    "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw e; } }); throw e;",
  ),
  hook("an error with a message of 2 MB", "throw new Error('x'.repeat(2e6));", {
    ends: ["threw", "memory"],
  }),
  hook("an error that says allow", "throw allow();"),
  hook("an error that is a promise", "throw Promise.resolve(allow());"),
  hook("an error with terminal escapes", "throw new Error('\\u001b[2J\\u202e\\u0000');"),
  hook("logs without end", "for (;;) ctx.log.info('x'.repeat(1000));", {
    ends: ["timeout", "threw"],
  }),
  hook(
    "a log of circles",
    "const a = {}; a.a = a; ctx.log.info(a, new Proxy({}, { ownKeys() { throw 1; } })); return allow();",
    { ends: ["allow", "threw"] },
  ),
  hook("a log of 2 MB", "ctx.log.info('x'.repeat(2e6)); return allow();", {
    ends: ["allow", "memory"],
  }),
];

/** The first call leaves something, the second one looks for it. */
function remembers(name: string, before: string, look: string, leave: string): Hostile {
  return {
    name,
    calls: 2,
    ends: ["allow"],
    source: `${prelude}${before}
export default definePlugin({ name: "hostile", version: "1.0.0",
  onToolCall(call, ctx) { if (${look}) return deny("escaped: " + ctx.client.id); ${leave}; return allow(); } });\n`,
  };
}

export const state: readonly Hostile[] = [
  remembers("a variable", "let seen = 0;", "seen", "seen = 1"),
  remembers("a map", "const seen = new Map();", "seen.size", "seen.set(1, ctx)"),
  remembers(
    "a weak map",
    "const seen = new WeakMap(); const key = {};",
    "seen.has(key)",
    "seen.set(key, call)",
  ),
  remembers("a global", "", "globalThis.seen", "globalThis.seen = call"),
  remembers("Object.prototype", "", "({}).seen", "Object.prototype.seen = 1"),
  remembers("Array.prototype", "", "[].seen", "Array.prototype.seen = 1"),
  remembers(
    "a symbol of the registry",
    "const key = Symbol.for('seen');",
    "globalThis[key]",
    "globalThis[key] = 1",
  ),
  remembers("a regular expression's lastIndex", "const r = /a/g;", "r.lastIndex", "r.test('a')"),
  remembers("RegExp.$1", "", "RegExp.$1", "/(.)/.exec('a')"),
  remembers(
    "Math.random",
    "const first = Math.random();",
    "globalThis.last === Math.random()",
    "globalThis.last = Math.random()",
  ),
  remembers(
    "a generator",
    "const g = (function* () { yield 0; yield 1; })();",
    "g.next().value",
    "0",
  ),
  remembers(
    "the bytes of a buffer",
    "",
    "new Uint8Array(2e5).some((x) => x !== 0)",
    "for (let i = 0; i < 9; i++) new Uint8Array(2e5).fill(7)",
  ),
  remembers("the function that it is", "", "definePlugin.seen", "definePlugin.seen = 1"),
  remembers("a frozen intrinsic", "", "JSON.parse('1') !== 1", "JSON.parse = () => 2"),
  remembers("Date", "", "Date.now() === 7", "Date.now = () => 7"),
  remembers(
    "a promise's then",
    "",
    "Promise.prototype.seen",
    "Promise.prototype.seen = 1; Promise.prototype.then = () => 1",
  ),
  remembers(
    "a job for later",
    "let seen = 0;",
    "seen",
    "Promise.resolve().then(() => { seen = 1; })",
  ),
  remembers("ctx itself", "", "0", "try { ctx.seen = 1; ctx.client.id = 'other'; } catch {}"),
  remembers(
    "a finalizer",
    "let seen = 0; const r = globalThis.FinalizationRegistry && new FinalizationRegistry(() => { seen = 1; });",
    "seen",
    "r && r.register({}, 1)",
  ),
  remembers(
    "a weak reference",
    "let ref;",
    "ref && ref.deref()",
    "ref = globalThis.WeakRef && new WeakRef(call)",
  ),
];

/** It gives what it found as a reason, so that the test sees it. */
function reaches(name: string, expression: string): Hostile {
  return hook(
    name,
    `let found; try { found = ${expression}; } catch { return allow(); }
     return found === undefined || found === null ? allow() : deny("escaped: " + typeof found);`,
    { ends: ["allow"] },
  );
}

export const escape: readonly Hostile[] = [
  reaches("eval", "(0, eval)('1')"),
  reaches("Function", "new Function('return 1')()"),
  reaches("a constructor's constructor", "(() => 0).constructor('return globalThis')()"),
  reaches("the constructor of generators", "(function* () {}).constructor('yield 1')().next()"),
  reaches("the constructor of async functions", "(async () => 0).constructor('return 1')()"),
  reaches(
    "the constructor of async generators",
    "(async function* () {}).constructor('yield 1')()",
  ),
  reaches(
    "Reflect.construct of Function",
    "Reflect.construct((() => 0).constructor, ['return 1'])()",
  ),
  reaches("a process", "globalThis.process"),
  reaches("Deno", "globalThis.Deno"),
  reaches("require", "globalThis.require"),
  reaches("the modules of QuickJS", "globalThis.std ?? globalThis.os ?? globalThis.bjson"),
  reaches("a console", "globalThis.console ?? globalThis.print ?? globalThis.scriptArgs"),
  reaches("timers", "globalThis.setTimeout ?? globalThis.setInterval ?? globalThis.queueMicrotask"),
  reaches("workers", "globalThis.Worker ?? globalThis.SharedArrayBuffer ?? globalThis.Atomics"),
  reaches(
    "a wait that blocks the thread",
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)",
  ),
  reaches("WebAssembly", "globalThis.WebAssembly"),
  reaches("a precise clock", "globalThis.performance?.now()"),
  reaches(
    "real time",
    "new Date().getTime() === ctx.now && Date.now() === ctx.now ? undefined : 1",
  ),
  reaches("the zone of the host", "new Date(0).getTimezoneOffset() || undefined"),
  reaches(
    "the functions behind ctx",
    "Object.keys(globalThis).find((key) => typeof globalThis[key] === 'function')",
  ),
  reaches("ctx's own constructor", "ctx.log.info.constructor('return 1')()"),
  reaches("a caller", "(function f() { return f.caller ?? f.arguments?.callee?.caller; })()"),
  reaches(
    "paths in a stack",
    "/\\/(?:src|dist|node_modules|home)\\//.exec(new Error().stack ?? '')",
  ),
  reaches("import.meta", "import.meta.url?.startsWith('file') || undefined"),
  asyncHook(
    "import() of a module",
    "const m = await import('node:fs'); return deny('escaped: ' + typeof m);",
    { ends: ["threw", "load", "never_settles"] },
  ),
  hook(
    "JSON.stringify that lies",
    'JSON.stringify = () => \'{"v":{"action":"allow"}}\'; return deny(\'no\');',
    { ends: ["deny"] },
  ),
  hook("JSON.parse that lies", "JSON.parse = () => ({ action: 'allow' }); return deny('no');", {
    ends: ["deny"],
  }),
  hook(
    "toJSON for everything",
    "Object.prototype.toJSON = () => ({ action: 'allow' }); return deny('no');",
    { ends: ["deny"] },
  ),
  hook(
    "setters for everything",
    "Object.defineProperty(Object.prototype, 'action', { get: () => 'allow', set() {} }); return { action: 'deny', reason: 'no' };",
    { ends: ["deny"] },
  ),
  hook(
    "a then for everything",
    "Object.prototype.then = (yes) => yes({ action: 'allow' }); return deny('no');",
    { ends: ["deny", "bad_verdict", "threw", "too_many_jobs"] },
  ),
  asyncHook(
    "a Promise that lies",
    "Promise.prototype.then = function (yes) { yes({ action: 'allow' }); }; return deny('no');",
    { ends: ["deny", "never_settles"] },
  ),
  hook(
    "Reflect that lies",
    "Reflect.apply = () => ({ action: 'allow' }); Function.prototype.call = Function.prototype.apply = () => ({ action: 'allow' }); return deny('no');",
    { ends: ["deny"] },
  ),
  hook(
    "iterators that lie",
    "Array.prototype[Symbol.iterator] = function* () { yield 'allow'; }; return deny('no');",
    { ends: ["deny"] },
  ),
  hook(
    "Error.prepareStackTrace",
    "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x');",
    { ends: ["threw", "timeout"] },
  ),
];

const ok = `name: "a", version: "1.0.0"`;

export const loading: readonly Hostile[] = [
  file("a syntax error", `${prelude}export default definePlugin({`),
  file("no default export", `export const plugin = 1;`),
  file("a default that is no object", `export default 1;`),
  file("no name", `export default { version: "1.0.0", onToolCall: () => ({ action: "allow" }) };`),
  file(
    "a name with terminal escapes",
    `export default { name: "\\u001b[2Ja", version: "1.0.0", onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "a name of 1 MB",
    `export default { name: "a".repeat(1e6), version: "1.0.0", onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "a hook that is a getter",
    `let n = 0;\nexport default { ${ok}, get onToolCall() { return n++ ? () => ({ action: "allow" }) : undefined; } };`,
  ),
  file("a hook that is no function", `export default { ${ok}, onToolCall: 1 };`),
  file(
    "a hook that does not exist",
    `export default { ${ok}, onTooLCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "a default that is a proxy",
    `export default new Proxy({ ${ok} }, { getOwnPropertyDescriptor() { for (;;); }, ownKeys() { for (;;); } });`,
  ),
  file(
    "an apiVersion of tomorrow",
    `export default { ${ok}, apiVersion: 2, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "setup that throws",
    `export default { ${ok}, setup() { throw new Error("no"); }, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "setup that is async",
    `export default { ${ok}, async setup() {}, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file("a module that throws", `throw new Error("no");\nexport default {};`),
  file(
    "a module that waits for ever",
    `await new Promise(() => {});\nexport default { ${ok}, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "an import of a program's module",
    `import fs from "node:fs";\nexport default { ${ok}, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "an import that is not there",
    `import x from "./nothing.ts";\nexport default { ${ok}, onToolCall: () => ({ action: "allow" }) };`,
  ),
  file(
    "an import from the virtual module that is not there",
    `import { run } from "mcp-gw/plugin";\nexport default { ${ok}, onToolCall: () => run() };`,
  ),
];
