import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  items,
  member,
  removals,
  removeItems,
  replace,
  setMembers,
  splice,
  spliced,
  textOf,
  toValue,
} from "../../src/mcp/index.ts";
import { jsonOf, objectOf } from "./json-of.ts";

const key: fc.Arbitrary<string> = fc.constantFrom("a", "b", "c", "d", "__proto__", "toString");
const space = fc.constantFrom("", " ", "\n  ", "\t");
/** Objects with white space wherever JSON allows it. */
const objectText = fc
  .uniqueArray(fc.tuple(key, fc.integer(), space, space), { selector: ([name]) => name })
  .map((members) => {
    const texts = members.map(([name, value, a, b]) => `${a}"${name}"${b}:${a}${value}${b}`);
    return `{${texts.join(",") || " "}}`;
  });

function entriesOf(text: string): [string, string][] {
  return objectOf(text).node.members.map(({ key: name, value }) => [
    name,
    text.slice(value.start, value.end),
  ]);
}

describe("setMembers", () => {
  test("sets, adds and removes as on a map, and keeps the order of what stays", () => {
    const change = fc.option(fc.integer().map(String), { nil: undefined });
    const changes = fc.uniqueArray(fc.tuple(key, change), { selector: ([name]) => name });
    fc.assert(
      fc.property(objectText, changes, (text, list) => {
        const json = objectOf(text);
        const expected = new Map(entriesOf(text));
        for (const [name, value] of list) {
          if (value === undefined) expected.delete(name);
          else expected.set(name, value);
        }
        const changed = splice(json, setMembers(json, Object.fromEntries(list)));
        expect(entriesOf(changed)).toEqual([...expected]);
      }),
      { numRuns: 1000 },
    );
  });

  test("keeps every other byte", () => {
    const json = objectOf('{ "big": 12345678901234567890, "x" :1.0 , "y": [ 1e2 ] }');
    expect(splice(json, setMembers(json, { x: "2", z: '"n"' }))).toBe(
      '{ "big": 12345678901234567890, "x" :2 , "y": [ 1e2 ],"z":"n" }',
    );
    expect(splice(json, setMembers(json, { x: undefined }))).toBe(
      '{ "big": 12345678901234567890 , "y": [ 1e2 ] }',
    );
  });
});

describe("removals and removeItems", () => {
  test("of what was set give the very bytes back", () => {
    fc.assert(
      fc.property(objectText, fc.uniqueArray(key), (text, added) => {
        const json = objectOf(text);
        const names = added.filter((name) => json.node.members.every((each) => each.key !== name));
        const set = Object.fromEntries(names.map((name) => [name, "1"]));
        const longer = objectOf(splice(json, setMembers(json, set)));
        const again = removals(longer, (name) => names.includes(name));
        expect(splice(longer, again)).toBe(textOf(json));
      }),
      { numRuns: 1000 },
    );
  });

  test("take off exactly what is named", () => {
    fc.assert(
      fc.property(objectText, fc.array(key), (text, gone) => {
        const json = objectOf(text);
        const left = splice(
          json,
          removals(json, (name) => gone.includes(name)),
        );
        expect(entriesOf(left)).toEqual(entriesOf(text).filter(([name]) => !gone.includes(name)));
      }),
      { numRuns: 1000 },
    );
  });

  test("take items off an array by their place", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer(), fc.boolean(), space)), (list) => {
        const json = jsonOf(`[${list.map(([value, , pad]) => pad + value + pad).join(",")}]`);
        const left = spliced(
          json,
          removeItems(json, (index) => list[index]![1]),
        );
        expect(toValue(left)).toEqual(list.filter(([, gone]) => !gone).map(([value]) => value));
      }),
    );
  });
});

describe("splice", () => {
  test("changes a value inside another text's middle", () => {
    const json = objectOf('{"a":{"b":"x","c":"y"},"d":"x"}');
    const inner = member(json, "a")!;
    expect(splice(inner, [replace(member(inner, "c")!, '"z"')])).toBe('{"b":"x","c":"z"}');
    expect(splice(json, [replace(member(inner, "c")!, '"z"')])).toBe(
      '{"a":{"b":"x","c":"z"},"d":"x"}',
    );
  });

  test("takes edits in any order", () => {
    const json = jsonOf("[1,2,3]");
    const [one, , three] = items(json);
    expect(splice(json, [replace(three!, "c"), replace(one!, "a")])).toBe("[a,2,c]");
  });

  test("throws for edits that overlap or lie outside", () => {
    const json = objectOf('{"a":{"b":1},"c":2}');
    const inner = member(json, "a")!;
    expect(() => splice(json, [replace(inner, "1"), replace(member(inner, "b")!, "2")])).toThrow(
      RangeError,
    );
    expect(() => splice(inner, [replace(member(json, "c")!, "3")])).toThrow(RangeError);
  });

  test("gives the very bytes back where nothing changes", () => {
    expect(textOf(spliced(jsonOf(" { } "), []))).toBe("{ }");
  });
});
