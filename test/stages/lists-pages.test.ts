import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Place } from "../../src/stages/cursor.ts";
import { type PageLimits, type Part, type ShownItem, cutPage } from "../../src/stages/page.ts";

const item = (name: string, bytes = 10): ShownItem => ({ name, text: name, bytes });
const partOf = (upstream: string, names: readonly string[], bytes = 10): Part => ({
  upstream,
  shown: names.map((name) => item(name, bytes)),
});
const limits: PageLimits = { maxItems: 3, maxBytes: 1_000_000 };
const namesOf = (parts: readonly Part[]): string[] =>
  parts.flatMap(({ shown }) => shown.map(({ name }) => name));

/** Reads all pages; `change` may give another list after each of them. */
function readAll(
  parts: readonly Part[],
  pageLimits: PageLimits,
  change: (parts: readonly Part[], page: number) => readonly Part[] = (same) => same,
): { readonly pages: string[][]; readonly isWhole: boolean } {
  const pages: string[][] = [];
  let now = parts;
  let from: Place | undefined;
  do {
    const page = cutPage(now, from, pageLimits);
    if (page === undefined) return { pages, isWhole: false };
    pages.push(page.items.map(({ name }) => name));
    from = page.next;
    now = change(now, pages.length);
  } while (from !== undefined);
  return { pages, isWhole: true };
}

const sizes = fc.array(fc.array(fc.nat(50), { maxLength: 40 }), { maxLength: 5 });
const anyLimits = fc.record({
  maxItems: fc.integer({ min: 1, max: 20 }),
  maxBytes: fc.integer({ min: 1, max: 300 }),
});

function toParts(lists: readonly (readonly number[])[]): Part[] {
  return lists.map((list, part) => ({
    upstream: `u${part}`,
    shown: list.map((bytes, index) => item(`u${part}__${index}`, bytes)),
  }));
}

test("pages joined are the whole list, and none is larger than it may be", () => {
  fc.assert(
    fc.property(sizes, anyLimits, (lists, pageLimits) => {
      const parts = toParts(lists);
      const { pages, isWhole } = readAll(parts, pageLimits);
      expect(isWhole).toBe(true);
      expect(pages.flat()).toEqual(namesOf(parts));
      const bytesOf = new Map(parts.flatMap(({ shown }) => shown.map((at) => [at.name, at.bytes])));
      for (const page of pages) {
        const bytes = page.reduce((sum, name) => sum + (bytesOf.get(name) ?? 0) + 1, 0);
        expect(page.length).toBeLessThanOrEqual(pageLimits.maxItems);
        expect(page.length === 1 || bytes <= pageLimits.maxBytes).toBe(true);
        expect(page.length > 0 || pages.length === 1).toBe(true);
      }
    }),
  );
});

test("what stays while the list changes between pages is given once, whatever comes and goes", () => {
  const changes = fc.array(
    fc.array(fc.record({ part: fc.nat(4), at: fc.nat(60), isNew: fc.boolean() }), { maxLength: 8 }),
  );
  fc.assert(
    fc.property(sizes, anyLimits, changes, (lists, pageLimits, allChanges) => {
      const first = toParts(lists);
      let stayed = new Set(namesOf(first));
      let added = 0;
      const { pages, isWhole } = readAll(first, pageLimits, (parts, page) => {
        const next = parts.map(({ upstream, shown }, part) => {
          const names = shown.map(({ name }) => name);
          for (const change of allChanges[page - 1] ?? []) {
            if (change.part !== part) continue;
            if (change.isNew) names.splice(change.at, 0, `new${++added}`);
            else names.splice(change.at, 1);
          }
          return partOf(upstream, names);
        });
        const left = new Set(namesOf(next));
        stayed = new Set([...stayed].filter((name) => left.has(name)));
        return next;
      });
      const given = pages.flat();
      expect(new Set(given).size).toBe(given.length);
      if (isWhole) expect(given.filter((name) => stayed.has(name)).length).toBe(stayed.size);
    }),
    { numRuns: 500 },
  );
});

test("a page goes on where the one before it ended, though its last items are gone", () => {
  const parts = [partOf("u", ["a", "b", "c", "d", "e"]), partOf("v", ["f"])];
  const { next } = cutPage(parts, undefined, limits) ?? {};
  expect(next).toEqual({ upstream: "u", last: ["c", "b", "a"], isAll: true });
  const after = (...names: string[]) =>
    cutPage([partOf("u", names), partOf("v", ["f"])], next, limits)?.items.map(({ name }) => name);
  expect(after("a", "d", "e")).toEqual(["d", "e", "f"]);
  expect(after("new", "a", "b", "new2", "d")).toEqual(["new2", "d", "f"]);
  expect(after("d", "e")).toEqual(["d", "e", "f"]);
  expect(after()).toEqual(["f"]);
});

test("a page of a list of which nothing is known again is refused, not guessed", () => {
  const many = Array.from({ length: 40 }, (_, index) => `n${index}`);
  const { next } = cutPage([partOf("u", many)], undefined, { ...limits, maxItems: 30 }) ?? {};
  expect(next?.last).toHaveLength(16);
  expect(cutPage([partOf("u", many.slice(30))], next, limits)).toBeUndefined();
  expect(cutPage([partOf("other", many)], next, limits)).toBeUndefined();
  const [first] = cutPage([partOf("u", many.slice(14))], next, limits)?.items ?? [];
  expect(first?.name).toBe("n30");
});

test("an upstream that fails between two pages costs what it had left, and nothing of the others", () => {
  const many = Array.from({ length: 40 }, (_, index) => `n${index}`);
  const rest = partOf("v", ["f", "g"]);
  const { next } = cutPage([partOf("u", many), rest], undefined, { ...limits, maxItems: 30 }) ?? {};
  const page = cutPage([partOf("u", []), rest], next, limits);
  expect(page?.items.map(({ name }) => name)).toEqual(["f", "g"]);
  expect(page?.next).toBeUndefined();
});

test("a place names long URIs only as far as a cursor can carry them", () => {
  const uris = Array.from({ length: 20 }, (_, index) => `${"x".repeat(1_000)}${index}`);
  const { next } = cutPage([partOf("u", uris)], undefined, { ...limits, maxItems: 19 }) ?? {};
  expect(next?.last).toHaveLength(2);
  expect(next?.isAll).toBe(false);
});
