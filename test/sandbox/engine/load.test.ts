import { expect, test } from "vitest";
import { defaultLimits } from "../../../src/sandbox/engine/limits.ts";
import { engine, faultOf, noHost, open, toCall, toCode, toPlugin } from "./engine.ts";

const entry = 'name: "a", version: "1", onText() {}';

test.each([
  ["let x = ;", /^SyntaxError: /, 1],
  ["\n\nnull.x", /^TypeError: cannot read property 'x' of null$/, 3],
  ["\nthrow new Error('two\\nlines')", /^Error: two lines$/, 2],
  ["throw undefined", /^Threw undefined$/, undefined],
  ["export const a = 1", /no default export/, undefined],
  ["export default 3", /is no object/, undefined],
  ["export default null", /is no object/, undefined],
  ["export default { get onText() { return () => {}; } }", /"onText" is a getter/, undefined],
  ["export default { onText: 1 }", /"onText" is no function/, undefined],
  ["export default { onToolcall() {} }", /"onToolcall" \(did you mean "onToolCall"\?\)/, undefined],
  ["export default { [Symbol('x')]: 1 }", /symbol/, undefined],
  ['export default { name: "a", version: "1" }', /none of the hooks/, undefined],
  ["export default { name: 'a'.repeat(65), version: '1', onText() {} }", /^"name"/, undefined],
  ["export default { name: 'a', onText() {} }", /^"version"/, undefined],
  [`export default { ${entry}, apiVersion: 2 }`, /^"apiVersion" has to be 1/, undefined],
  [`export default { ${entry}, permissions: { net: true } }`, /^"permissions"/, undefined],
  [`export default { ${entry}, match: { on: "x" } }`, /^"match"/, undefined],
  [`export default { ${entry}, match: { keys: 1 } }`, /^"match"/, undefined],
  [`export default { ${entry}, configSchema: [] }`, /^"configSchema"/, undefined],
  [`export default { ${entry}, async setup() {} }`, /"setup" returns a promise/, undefined],
  [`export default { ${entry},\nsetup() { throw new Error("no") } }`, /^Error: no$/, 2],
  [`export default { ${entry}, setup() { for (;;); } }`, /longer than 500 ms/, undefined],
  ["for (;;);", /longer than 500 ms/, undefined],
  [
    "const a = []; for (;;) a.push(new Uint8Array(1 << 20))",
    /more memory than the 16 MB/,
    undefined,
  ],
  ["await new Promise(() => {})", /top level/, undefined],
  [
    `(function f() { Promise.resolve().then(f); })(); export default { ${entry} }`,
    /promises at work/,
    undefined,
  ],
  ['import "fs"', /^Imports "fs", which/, undefined],
  ['import "./gone.js"', /^Imports "gone.js", which/, undefined],
  ["new Function('return 1')", /makes code from text/, 1],
  ["'\0'", /U\+0000/, undefined],
  ["export default new Proxy({}, { ownKeys() { throw new Error('trap'); } })", /^Error: trap$/, 1],
])("%s is refused with a sentence and a line", async (source, sentence, line) => {
  const fault = await faultOf(toCode(source));
  expect(fault.fault).toMatch(sentence);
  expect(fault.fault).not.toContain("\n");
  expect(fault.line).toBe(line);
});

test("inspect tells what a plugin says of itself, and does not run setup", async () => {
  const code = toPlugin(
    `setup() { throw new Error("ran"); }, onText() {}, onToolCall() {}, apiVersion: 1,
     configSchema: { type: "object" }, permissions: { kv: "client", fetch: ["https://a.example"] },
     match: { methods: ["tools/call"], on: ["a/*"], keys: true }`,
  );
  expect(await engine.inspect(code, defaultLimits)).toEqual({
    name: "p",
    version: "1.0.0",
    hooks: ["onToolCall", "onText"],
    hasSetup: true,
    configSchema: '{"type":"object"}',
    permissions: { kv: "client", fetch: ["https://a.example"] },
    match: { methods: ["tools/call"], on: ["a/*"], keys: true },
  });
});

test("modules import each other by their names, or relative to where they stand", async () => {
  const source = `import { a } from "./lib/a.js"; import { b } from "lib/b.js";
    export default { name: "p", version: "1", onToolCall: () => ({ action: "allow", note: a + b }) };`;
  const others = {
    "lib/a.js":
      'import { b } from "./b.js"; import { deny } from "mcp-gw/plugin"; export const a = deny("a").reason + b;',
    "lib/b.js": 'export const b = "b";',
  };
  const instance = await open(toCode(source, others));
  const { outcome } = await instance.call(toCall(), noHost);
  expect(outcome).toEqual({ action: "allow", note: "abb" });
});

test("a fault in another module names it", async () => {
  const fault = await faultOf(toCode('import "./b.js"', { "b.js": "\n\nnull.x" }));
  expect(fault).toEqual({
    fault: "TypeError: cannot read property 'x' of null",
    line: 3,
    module: "b.js",
  });
});

test("what bundles ask for the global object with works", async () => {
  const instance = await open(
    toPlugin(
      "onToolCall: () => allow({ note: String(root === globalThis) })",
      'const root = Function("return this")();',
    ),
  );
  expect((await instance.call(toCall(), noHost)).outcome).toEqual({
    action: "allow",
    note: "true",
  });
});

test.each([
  ["what is thrown", String.raw`throw new Error("\x1b[2J\u202Eevil\u009b")`],
  ["the name of an import", 'import x from "./\u202E\u001b[2J.js";'],
  ["an unknown key", String.raw`export default { name: "a", version: "1", "\u202Ex": 1 }`],
])("a fault with %s shows no character that a terminal acts on", async (_, source) => {
  const { fault } = await faultOf(toCode(source));
  expect(fault).toContain("<U+202E>");
  expect(fault).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("a stack that the plugin wrote itself names no line that no file can have", async () => {
  const forged = `const error = new Error("x");
    Object.defineProperty(error, "stack", { value: "at f (p.js:99999999999)" }); throw error;`;
  expect(await faultOf(toCode(forged))).toEqual({ fault: "Error: x" });
});
