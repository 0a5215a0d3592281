import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSchemaCutter } from "../../src/stages/shown-schema.ts";

function cut(text: string, pinned: readonly string[], defaulted: readonly string[] = []): string {
  const tool = { name: "t", text, bytes: text.length };
  const seenTo = { pinned: new Set(pinned), defaulted: new Set(defaulted) };
  return createSchemaCutter()(tool, seenTo).text;
}
const tool = (schema: string): string =>
  `{ "name":"t" , "inputSchema" : ${schema} ,"x":1.0e0,"annotations":{"required":["a"]}}`;

describe("a tool's schema as it is shown", () => {
  test.each([
    [
      "lacks a pinned argument and its header, and keeps the bytes of the rest",
      '{ "type":"object", "properties" : {"a":{"x-mcp-header":"A"} , "b" : {"type":"string"}},"required": [ "a" , "b" ] }',
      '{ "type":"object", "properties" : {"b" : {"type":"string"}},"required": [ "b" ] }',
    ],
    [
      "requires nothing where only the pinned one was required",
      '{"properties":{"a":{}},"required":["a"],"additionalProperties":false}',
      '{"properties":{},"additionalProperties":false}',
    ],
    [
      "keeps what is named so inside of other arguments",
      '{"properties":{"b":{"properties":{"a":{}},"required":["a"]}}}',
      '{"properties":{"b":{"properties":{"a":{}},"required":["a"]}}}',
    ],
    [
      "is as it was where it is odd",
      '{"properties":[1],"required":{"a":1}}',
      '{"properties":[1],"required":{"a":1}}',
    ],
    ["is as it was where it is none", "true", "true"],
  ])("%s", (_, schema, due) => {
    expect(cut(tool(schema), ["a"])).toBe(tool(due));
  });

  test("still names an argument that has a default, and does not require it", () => {
    const schema = '{"properties":{"a":{},"b":{}},"required":["a","b"]}';
    expect(cut(tool(schema), [], ["b"])).toBe(
      tool('{"properties":{"a":{},"b":{}},"required":["a"]}'),
    );
  });

  test("is cut once for all who are shown the same", () => {
    const cutSchema = createSchemaCutter();
    const text = tool('{"properties":{"a":{},"b":{}}}');
    const item = { name: "t", text, bytes: text.length };
    const none = new Set<string>();
    const same = { pinned: none, defaulted: none };
    expect(cutSchema(item, same)).toBe(item);
    const byA = cutSchema(item, { pinned: new Set(["a"]), defaulted: none }).text;
    const byB = cutSchema(item, { pinned: new Set(["b"]), defaulted: none }).text;
    expect([byA, byB]).toEqual([tool('{"properties":{"b":{}}}'), tool('{"properties":{"a":{}}}')]);
    expect(cutSchema(item, { pinned: none, defaulted: new Set(["a"]) }).text).toBe(text);
  });

  test("is what is left of any schema, and counts its bytes", () => {
    const names = fc.constantFrom("a", "b", "c", "é");
    fc.assert(
      fc.property(
        fc.dictionary(names, fc.jsonValue()),
        fc.uniqueArray(names),
        fc.uniqueArray(names),
        fc.uniqueArray(names),
        (properties, required, pinned, defaulted) => {
          const text = JSON.stringify({ inputSchema: { properties, required } });
          const item = { name: "t", text, bytes: 0 };
          const seenTo = { pinned: new Set(pinned), defaulted: new Set(defaulted) };
          const shown = createSchemaCutter()(item, seenTo);
          const { inputSchema } = JSON.parse(shown.text) as {
            inputSchema: { properties: object; required?: string[] };
          };
          const gone: readonly string[] = pinned;
          const kept = Object.keys(properties).filter((key) => !gone.includes(key));
          expect(Object.keys(inputSchema.properties).toSorted()).toEqual(kept.toSorted());
          expect(inputSchema.required ?? []).toEqual(
            required.filter((key) => ![...pinned, ...defaulted].includes(key)),
          );
          if (shown !== item) expect(shown.bytes).toBe(Buffer.byteLength(shown.text));
        },
      ),
    );
  });
});
