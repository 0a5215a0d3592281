import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JsonObject, reread, textOf, toValue } from "../../src/mcp/index.ts";
import { setArguments } from "../../src/stages/set-arguments.ts";

function set(params: string, values: Readonly<Record<string, string>>): string {
  const json = reread(params) as JsonObject;
  return textOf(setArguments(json, new Map(Object.entries(values))));
}

describe("setArguments", () => {
  test.each([
    [
      "replaces a value where it stands",
      '{ "name":"t" , "arguments":{ "a" : 1.0, "b":2 } ,"x":1e400 }',
      '{ "name":"t" , "arguments":{ "a" : "eu", "b":2 } ,"x":1e400 }',
    ],
    [
      "adds one behind the last",
      '{"arguments":{"b" : 9007199254740993 }}',
      '{"arguments":{"b" : 9007199254740993,"a":"eu" }}',
    ],
    ["adds the first one", '{"arguments":{ }}', '{"arguments":{ "a":"eu"}}'],
    ["makes the arguments", '{"name":"t"}', '{"name":"t","arguments":{"a":"eu"}}'],
    [
      "finds a key however it is written",
      '{"arguments":{"\\u0061":1}}',
      '{"arguments":{"\\u0061":"eu"}}',
    ],
  ])("%s", (_, params, due) => {
    expect(set(params, { a: '"eu"' })).toBe(due);
  });

  test("changes nothing where nothing is set", () => {
    const json = reread('{ "arguments" : 1 }') as JsonObject;
    expect(setArguments(json, new Map())).toBe(json);
  });

  test("sets a name that objects have by nature", () => {
    const params = set('{"arguments":{}}', { ["__proto__"]: "1", constructor: "2" });
    expect(params).toBe('{"arguments":{"__proto__":1,"constructor":2}}');
  });

  test("gives each name once, with the set value, and keeps every other one", () => {
    const names = fc.constantFrom("a", "b", "c", "d");
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.jsonValue()),
        fc.dictionary(names, fc.jsonValue(), { minKeys: 1 }),
        (args, values) => {
          const texts = Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]);
          const json = reread(set(JSON.stringify({ arguments: args }), Object.fromEntries(texts)));
          expect(toValue(json)).toEqual(
            JSON.parse(JSON.stringify({ arguments: { ...args, ...values } })),
          );
        },
      ),
    );
  });
});
