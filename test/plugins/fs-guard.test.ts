import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Ctx } from "mcp-gw/plugin";
import fsGuard, { type FsGuardConfig } from "../../plugins/fs-guard.ts";
import { runShipped } from "./run-shipped.ts";

const roots = ["/srv/data"];

/** Why it is refused; undefined where it passes. Runs on the host: the code is the same. */
async function ask(args: unknown, config: Partial<FsGuardConfig> = {}, name = "read_file") {
  let calls = 0;
  const kv: Pick<Ctx["kv"], "incr"> = { incr: async () => ++calls };
  fsGuard.setup?.({ roots, ...config });
  const call = { name, arguments: args as Record<string, unknown> };
  // It reads nothing but `kv` of the second parameter.
  const verdict = await fsGuard.onToolCall?.(call, { kv } as Ctx<FsGuardConfig>);
  if (verdict === undefined) throw new Error("There is no verdict");
  return verdict.action === "deny" ? verdict.reason : undefined;
}
const reach = (path: string, config?: Partial<FsGuardConfig>) => ask({ path }, config);

describe("fs-guard", () => {
  test.each([
    "..",
    "../x",
    "/srv/data/..",
    "/srv/data/.. /x",
    "/srv/data/..\t/x",
    "/srv/data/...",
    "/srv/data/x/..\u3000/y",
    "/srv/data/\uff0e\uff0e/x",
    "/srv/data/.\u2024/x",
    "/srv/data/\ufe52\ufe52/x",
    "/srv/data/..\uff0fx",
    "/srv/data/..\u2215x",
    "/srv/data/..\u29f8x",
    "/srv/data/..\ufe68x",
    "/srv/data/..\uff3cx",
    "/srv/data/..\u00a5x",
    "/srv/data/..;/x",
    "/srv/data/%2E%2E%2Fx",
    "/srv/data/%c0%ae%c0%ae/x",
    "/srv/data/a%00",
    "/srv/data/a\u0000/../../x",
    "/srv/data/a\r\n",
    "/srv/data/\u0085",
    "/srv/data/\ufeff.env",
    "/srv/data/.\u00adenv",
    "/srv/data/.e\ufe0fnv",
    "/srv/data/\ud800",
    "/srv/data/.ENV",
    "/srv/data/.ſſh/x",
    "/srv/data/.ſsh",
    "/srv/data/id_ʳˢᵃ",
    "/srv/data/ＳＥＣＲＥＴＳ",
    "/srv/data/$HOME",
    "/srv/data/%USERPROFILE%",
    "/srv/data/`id`",
    "/srv/data/$(id)",
    "/srv/data/~",
    "/srv/data/a~1",
    "/srv/data2",
    "/srv/dat",
    "/srv",
    "/",
    "//srv/data/x",
    "\\\\srv\\data",
    "\\srv\\data",
    "C:/srv/data/x",
    "C:\\srv\\data",
    "c:x",
    "file:////srv/data/x",
    "file://evil/srv/data/x",
    "file:///srv/data/x?y",
    "file:///srv/data/x#y",
    "file:///srv/data/..%2fx",
    "file:///srv/data/%00",
    "file:\\\\\\srv\\data",
    " file:///srv/data/x",
    "fi\tle:///srv/data/x",
    "smb://srv/data/x",
    "x:/srv/data",
    "/srv/data/a\u2215b",
    "/srv/data/a\u2044b",
    "/srv/data/a\u00a5b",
    "/srv/data/a\u3002b",
    "/srv/data/a\u0338/x/../y",
  ])("does not let %j pass", async (path) => {
    expect(await reach(path)).toMatch(/^"path" /);
  });

  test.each([
    ["a number", { path: 5 }],
    ["true", { path: true }],
    ["a list of lists", { paths: [["/srv/data/a"], [["/etc/passwd"]]] }],
    ["a number in a list", { paths: ["/srv/data/a", 5] }],
    ["an object with another key", { path: { value: "/etc/passwd" } }],
    ["a key in disguise", { PATH_: "/etc/passwd" }],
    ["a key that is inherited", JSON.parse('{ "__proto__": { "path": "/etc/passwd" } }')],
    ["a key called constructor", { constructor: "/etc/passwd" }],
    ["a path among many", { paths: [...Array(50).fill("/srv/data/a"), "/etc/passwd"] }],
    ["home under another name", { where: "~/.ssh" }],
    ["a share under another name", { where: "\\\\host\\x" }],
    ["a way up under another name", { where: "a/../../b" }],
    ["a drive under another name", { where: "D:\\x" }],
    ["a URI under another name", { where: " FILE:/etc/passwd" }],
  ])("finds %s", async (_, args) => {
    expect(await ask(args)).toBeDefined();
  });

  test("looks at no deeper call stack for deep arguments", async () => {
    let deep: unknown = { path: "/etc/passwd" };
    for (let at = 0; at < 1_500; at++) deep = [deep];
    expect(await ask({ deep })).toMatch(/outside/);
  });

  test("counts what it refuses", async () => {
    let calls = 0;
    const keys = new Set<string>();
    const incr: Ctx["kv"]["incr"] = async (key, by, options) => {
      keys.add(JSON.stringify([key, by, options]));
      return ++calls;
    };
    fsGuard.setup?.({ roots, maxPerMinute: 2 });
    const kv: Pick<Ctx["kv"], "incr"> = { incr };
    const actions: unknown[] = [];
    for (const path of ["/etc/passwd", "/srv/data/a", "/srv/data/a"]) {
      const call = { name: "read_file", arguments: { path } };
      actions.push(await fsGuard.onToolCall?.(call, { kv } as Ctx<FsGuardConfig>));
    }
    expect(actions).toMatchObject([
      { action: "deny" },
      { action: "allow" },
      { action: "deny", code: "rate_limit" },
    ]);
    expect([...keys]).toEqual(['["calls",1,{"ttlSeconds":60}]']);
  });

  test.each([
    ["*.bak", "a.bak", true],
    ["*.bak", "a.bak2", false],
    ["a*b*c", "aXXbYYc", true],
    ["a*b*c", "aXXbYY", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["*mid*", "a-mid-b", true],
    ["*", "anything", true],
    ["Report*", "report.txt", true],
    [`${"*a".repeat(40)}b`, "a".repeat(250), false],
  ])("denies by the pattern %j the name %j: %s", async (pattern, name, isDenied) => {
    const begun = performance.now();
    expect((await reach(`/srv/data/${name}`, { deny: [pattern] })) !== undefined).toBe(isDenied);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

/** As a simple reader of paths takes them. */
function resolve(path: string): readonly string[] {
  const names: string[] = [];
  for (const name of path.split(/[/\\]/)) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}
const readers: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => path.trim(),
  (path) => path.normalize("NFKC"),
  (path) => path.replace(/\0.*$/s, ""),
  (path) => decodeSoftly(path),
  (path) => decodeSoftly(decodeSoftly(path)),
  (path) => path.replaceAll(/[. ]+(?=[/\\]|$)/g, (end) => (/^\.{1,2}$/.test(end) ? end : "")),
  (path) => path.replaceAll(/\p{Cf}/gu, ""),
];
function decodeSoftly(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

describe("fs-guard, for any path", () => {
  const part = fc.constantFrom(
    ..."/ \\ . .. a .env %2e %2f %25 ~ : * ．． ／ \u200c \0 srv data /srv/data/ C: é".split(" "),
    " ",
  );
  const paths = fc.array(part, { maxLength: 12 }).map((parts) => parts.join(""));

  test("whoever reads one that passes stays below the root, and finds no denied name", async () => {
    await fc.assert(
      fc.asyncProperty(paths, async (rest) => {
        const path = `/srv/data/${rest}`;
        if ((await reach(path)) !== undefined) return;
        for (const read of readers) {
          const names = resolve(read(path));
          expect(names.slice(0, 2)).toEqual(["srv", "data"]);
          expect(names.filter((name) => name.startsWith("."))).toEqual([]);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("answers, and never throws", async () => {
    await fc.assert(
      fc.asyncProperty(fc.anything(), fc.string({ unit: "binary" }), async (any, path) => {
        for (const args of [any, { path: any }, { path }, { path: `file:///${path}` }]) {
          const said = await ask(args);
          expect(said === undefined || said.length > 0).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

runShipped("fs-guard", { roots });
