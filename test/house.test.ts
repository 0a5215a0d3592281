/** Holds the plan of the house: floors, rooms, faces, circles, homes of dependencies, codes. */
import { readFileSync, readdirSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { problems } from "../src/core/index.ts";
import { version } from "../src/version.ts";
import { faceOf, floors, groundHomes, homes, roomOf, secondFaces } from "./house/plan.ts";
import { type Token, importsOf, tokensOf } from "./house/scan.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const files = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"))
  .sort();
const sources = new Map(files.map((path) => [path, readText(`src/${path}`)]));
const arrows = files.flatMap((file) =>
  importsOf(sources.get(file) ?? "").map(({ from }) => ({ file, from, to: resolve(file, from) })),
);
const packageJson = readJson("package.json") as {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
};

function readText(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}
function readJson(path: string): unknown {
  return JSON.parse(readText(path));
}
/** The file below `src/` that a relative import names; undefined for a package. */
function resolve(file: string, from: string): string | undefined {
  return from.startsWith(".") ? posix.join(posix.dirname(file), from) : undefined;
}
function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}
function packageOf(from: string): string {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}
function livesIn(file: string, places: readonly string[]): boolean {
  return places.some((place) => file.startsWith(place));
}
/** Globals of one runtime alone; a file that declares the name itself means its own. */
function groundGlobalsOf(tokens: readonly Token[]): string[] {
  return ["Deno", "Bun", "process", "require"].filter((name) => {
    const uses = [...tokens.keys()].filter((at) => {
      const { kind, text } = tokens[at] ?? { kind: "sign", text: "" };
      return kind === "word" && text === name && tokens[at - 1]?.text !== ".";
    });
    const isDeclared = uses.some((at) => {
      const isTyped = tokens[at + 1]?.text === ":" && tokens[at + 2]?.kind === "word";
      return isTyped || ["const", "let"].includes(tokens[at - 1]?.text ?? "");
    });
    return uses.length > 0 && !isDeclared;
  });
}
/** The files of the first circle that is found. */
function findCircle(next: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): readonly string[] => {
    const seen = trail.indexOf(file);
    if (seen !== -1) return [...trail.slice(seen), file];
    if (done.has(file)) return [];
    for (const to of next.get(file) ?? []) {
      const circle = visit(to, [...trail, file]);
      if (circle.length > 0) return circle;
    }
    done.add(file);
    return [];
  };
  for (const file of next.keys()) {
    const circle = visit(file, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

describe("the house", () => {
  test("every file stands in a room of the plan", () => {
    expect(files.filter((file) => floorOf(roomOf(file)) === -1)).toEqual([]);
  });

  test("relative imports name a file that is there, with its ending", () => {
    const lost = arrows.filter(({ to }) => to !== undefined && !sources.has(to));
    expect(lost.map(({ file, from }) => `${file} imports ${from}`)).toEqual([]);
  });

  test("arrows between rooms run down", () => {
    const wrong = arrows.filter(({ file, to }) => {
      if (to === undefined || roomOf(file) === roomOf(to)) return false;
      return floorOf(roomOf(to)) >= floorOf(roomOf(file));
    });
    expect(wrong.map(({ file, to }) => `${file} sees ${to}`)).toEqual([]);
  });

  test("from outside a room is its face", () => {
    const wrong = arrows.filter(
      ({ file, to }) =>
        to !== undefined &&
        roomOf(file) !== roomOf(to) &&
        to !== faceOf(roomOf(to)) &&
        to !== secondFaces.get(file),
    );
    expect(wrong.map(({ file, to }) => `${file} sees ${to}`)).toEqual([]);
  });

  test("no file imports itself by way of others, types included", () => {
    const next = new Map<string, string[]>(files.map((file) => [file, []]));
    for (const { file, to } of arrows) if (to !== undefined) next.get(file)?.push(to);
    expect(findCircle(next)).toEqual([]);
  });

  test("each dependency is imported in its home alone", () => {
    const wrong = arrows.filter(({ file, from, to }) => {
      if (to !== undefined || from.startsWith("node:")) return false;
      return !livesIn(file, homes[packageOf(from)] ?? []);
    });
    expect(wrong.map(({ file, from }) => `${file} imports ${from}`)).toEqual([]);
  });

  test("package.json names the dependencies that have a home, and deno.json the same", () => {
    const used = new Set(
      arrows.filter(({ to }) => to === undefined).map(({ from }) => packageOf(from)),
    );
    const { imports } = readJson("deno.json") as { imports: Record<string, string> };
    const ranges = Object.entries(packageJson.dependencies);
    expect(ranges.map(([name]) => name)).toEqual(Object.keys(homes).sort());
    expect(ranges.filter(([name]) => !used.has(name))).toEqual([]);
    expect(imports).toEqual({
      "mcp-gw": "./src/index.ts",
      "mcp-gw/plugin": "./src/plugin.ts",
      ...Object.fromEntries(ranges.map(([name, range]) => [name, `npm:${name}@${range}`])),
    });
  });

  test("the ground is touched in runtime/ alone", () => {
    const touches = files.flatMap((file) => {
      if (livesIn(file, groundHomes)) return [];
      const modules = arrows.filter((one) => one.file === file && one.from.startsWith("node:"));
      const globals = groundGlobalsOf(tokensOf(sources.get(file) ?? ""));
      return [...globals, ...modules.map(({ from }) => from)].map((what) => `${file} uses ${what}`);
    });
    expect(touches).toEqual([]);
  });

  test("version.ts says what package.json says", () => {
    expect(version).toBe(packageJson.version);
  });

  test("the README's table of codes is the table in core/problems.ts", () => {
    const rows = readText("README.md").matchAll(/^\| (`[A-Z][A-Z_]+`(?:, `[A-Z][A-Z_]+`)*) \|/gm);
    const listed = [...rows].flatMap(([, cell]) => cell?.match(/[A-Z_]+/g) ?? []);
    expect([...listed].sort()).toEqual(Object.keys(problems).sort());
  });

  test("every code in core/problems.ts is named by a test that reaches it", () => {
    const tests = readdirSync(`${root}test`, { recursive: true, encoding: "utf8" });
    const named = new Set(
      tests
        .filter((path) => path.endsWith(".test.ts"))
        .flatMap((path) => tokensOf(readText(`test/${path}`)))
        .flatMap(({ kind, text }) => (kind === "string" ? (text.match(/[A-Z_]{5,}/g) ?? []) : [])),
    );
    expect(Object.keys(problems).filter((code) => !named.has(code))).toEqual([]);
  });
});

describe("the scanner", () => {
  test.each([
    ['import { a,\n  type B as C,\n} from "./x.ts";', ["./x.ts"]],
    ['import type { A } from "./x.ts"; import type B from "./y.ts";', ["./x.ts", "./y.ts"]],
    ['import a, * as b from "x"\nimport "./side.ts"', ["x", "./side.ts"]],
    ['export * from "./x.ts"; export * as y from "./y.ts";', ["./x.ts", "./y.ts"]],
    ['export { a } from "./x.ts"; export type { B } from "./y.ts"', ["./x.ts", "./y.ts"]],
    ['const a = await import("./x.ts"); type T = import("./y.ts").T;', ["./x.ts", "./y.ts"]],
    ["const a = import(name);", ["(computed)"]],
    ["const a = import.meta.url; export const from = 'x'; export { a };", []],
    ["// import 'a'\n/* import 'b' */ const s = \"import 'c'\"; const t = `import 'd'`;", []],
    [
      'const t = `${await import("./x.ts")} import "y" ${`${1}`}`; import "./z.ts";',
      ["./x.ts", "./z.ts"],
    ],
    ["const r = /[/'\"]import 'a'/; const d = a / b; import './x.ts'", ["./x.ts"]],
    ["const o = { import: 1, export: 'x' }; o.import('y'); class A { #import = 'z' }", []],
  ])("reads %j", (source, expected) => {
    expect(importsOf(source).map(({ from }) => from)).toEqual(expected);
  });
});
