import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findImports } from "../../../src/sandbox/load/find-imports.ts";

describe("imports", () => {
  test.each([
    [`import { a,\n  b as C } from "./x.js";`, ["./x.js"]],
    [`import a, * as b from './x.js'\nimport "./side.js"`, ["./x.js", "./side.js"]],
    [
      `export * from "./x.js"; export * as y from "./y.js"; export { a as "b c" } from "./z.js"`,
      ["./x.js", "./y.js", "./z.js"],
    ],
    [`import { "b c" as d } from "./x.js"; import {} from "./y.js"`, ["./x.js", "./y.js"]],
    [`#!/usr/bin/env "import './no.js'"\nimport "./x.js"`, ["./x.js"]],
    [`import/**/{a}/* from */from/**/"./x.js"`, ["./x.js"]],
    [`export const from = 'x'; export { a }; import.meta.url; export default "x"`, []],
    [
      `// import 'a'\n/* import 'b' */ const s = "import 'c'"; const t = \`import 'd' \${1} import 'e'\`;`,
      [],
    ],
    ["const t = `${`${1}` + { a: '}' }.a} import 'y'`; import './z.js';", ["./z.js"]],
    [`const r = /[/'"\`]import 'a'/g; const d = a / b / c; import './x.js'`, ["./x.js"]],
    [`if (a) /'/.test(b); while (c) /"/.test(d)\nimport './x.js'`, ["./x.js"]],
    [`const e = f(1) / 2; g("/"); import './x.js'`, ["./x.js"]],
    [`const o = { import: 1, from: 'x' }; o.import; o.from; const q = o?.import`, []],
    [`const lost = 'no end\nimport "./x.js"`, ["./x.js"]],
  ])("are found in %j", (source, expected) => {
    const found = findImports(source);
    expect(found.imports.map(({ from }) => from)).toEqual(expected);
    expect(found.dynamic).toBeUndefined();
  });

  test("have the line on which their statement begins", () => {
    const { imports } = findImports(`\n\nimport {\n  a\n} from "./x.js";\r\nimport "./y.js";`);
    expect(imports).toEqual([
      { from: "./x.js", line: 3 },
      { from: "./y.js", line: 6 },
    ]);
  });

  test.each([
    [`\nconst a = await import("./x.js")`, 2],
    [`import (name)`, 1],
    ["`${import('x')}`", 1],
    [`({ import(a) { return a; } })`, undefined],
    [`class A { import() {} static import(b = (1)) {} }`, undefined],
    [`a.import("x"); a?.import("y")`, undefined],
  ])("at run time are told: %j", (source, line) => {
    expect(findImports(source).dynamic).toBe(line);
  });

  test.each([
    ["\n@dec class A {}", 2],
    ["const mail = 'a@b.ch'; /@/.test(`@${1}@`) // @\n", undefined],
  ])("and decorators: %j", (source, line) => {
    expect(findImports(source).decorator).toBe(line);
  });

  test("are looked for in any text at all without an end", () => {
    const piece = fc.constantFrom(
      ..."/*`'\"\\${}()[]\n@#".split(""),
      "import",
      "export",
      " ",
      "from",
      "*/",
      "//",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const source = pieces.join("");
        const lines = source.split("\n").length;
        for (const { line } of findImports(source).imports) expect(line).toBeLessThanOrEqual(lines);
      }),
    );
  });

  test.each([
    "/*",
    '"\\"',
    "/[",
    "`",
    "`${",
    "import(",
    "import(){",
    "import{",
    "import(import(){",
    "(/a",
    "`\\",
  ])("are found in half a megabyte of %j in less than five seconds", (piece) => {
    const before = performance.now();
    findImports(piece.repeat(Math.floor(524_288 / piece.length)));
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});
