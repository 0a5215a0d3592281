import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createNames } from "../../src/upstreams/index.ts";
import { runtime, toConfig } from "./harness.ts";

function names(prefixes: Record<string, string | undefined>) {
  const upstreams = Object.fromEntries(
    Object.entries(prefixes).map(([name, prefix]) => [
      name,
      { url: "http://127.0.0.1:1/mcp", expose: prefix === undefined ? {} : { prefix } },
    ]),
  );
  return createNames(toConfig({ upstreams }), runtime);
}

function found(candidates: readonly { upstream: string; name: string | undefined }[]) {
  return candidates.map(({ upstream, name }) => [upstream, name]);
}

test("names shows the prefix, which is the upstream's name unless the config says otherwise", () => {
  const { show, showUri } = names({ weather: undefined, crm: "sales", bare: "" });
  expect(show("weather", "now")).toBe("weather__now");
  expect(show("crm", "find")).toBe("sales__find");
  expect(show("bare", "find")).toBe("find");
  expect(showUri("weather", "file:///a")).toBe("weather+file:///a");
  expect(showUri("bare", "file:///a")).toBe("file:///a");
});

test("names finds every upstream that a shown name may belong to", () => {
  const { find, findUri } = names({ a: undefined, bare: "" });
  expect(found(find("a__x"))).toEqual([
    ["bare", "a__x"],
    ["a", "x"],
  ]);
  expect(found(find("a__x__y"))).toContainEqual(["a", "x__y"]);
  expect(found(find("b__x"))).toEqual([["bare", "b__x"]]);
  expect(find("")).toEqual([]);
  expect(found(findUri("a+git+ssh://h"))).toEqual([
    ["bare", "a+git+ssh://h"],
    ["a", "git+ssh://h"],
  ]);
});

test("names finds nothing for a prefix alone or a prototype's name", () => {
  const { find, findUri } = names({ a: undefined });
  for (const shown of ["a__", "__x", "a", "__proto__", "constructor__x", "a+", "+x"]) {
    expect(find(shown)).toEqual([]);
    expect(findUri(shown)).toEqual([]);
  }
});

test("names shortens to 64 characters with a hash that tells long names apart", () => {
  const { show, find } = names({ weather: undefined });
  const first = `${"n".repeat(80)}1`;
  const shown = show("weather", first);
  expect(shown).toHaveLength(64);
  expect(shown).toMatch(/^weather__n{46}_[0-9a-f]{8}$/);
  expect(shown).not.toBe(show("weather", `${"n".repeat(80)}2`));
  const hidden = find(shown).find(({ name }) => name === undefined);
  expect(hidden?.upstream).toBe("weather");
  expect(hidden?.shows(first, shown)).toBe(true);
  expect(hidden?.shows("other", shown)).toBe(false);
});

test("names finds what it shows, for any name", () => {
  const own = names({ a: undefined, b: "B.b", bare: "" });
  const name = fc.string({
    minLength: 1,
    maxLength: 90,
    unit: fc.constantFrom("_", "a", "+", "B"),
  });
  fc.assert(
    fc.property(fc.constantFrom("a", "b", "bare"), name, (upstream, name) => {
      const shown = own.show(upstream, name);
      expect(shown.length).toBeLessThanOrEqual(64);
      expect(
        own.find(shown).some((each) => each.upstream === upstream && (each.name ?? name) === name),
      ).toBe(true);
      const uri = own.showUri(upstream, name);
      expect(found(own.findUri(uri))).toContainEqual([upstream, name]);
    }),
  );
});
