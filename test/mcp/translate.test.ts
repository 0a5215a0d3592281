import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type RequestMeta,
  textOf,
  toEraErrorCode,
  toLegacyText,
  toLegacyResult,
  toModernText,
  toModernResult,
} from "../../src/mcp/index.ts";
import { objectOf } from "./json-of.ts";

describe("toModernResult", () => {
  test.each([
    ["tools/call", '{"content":[]}', '{"content":[],"resultType":"complete"}'],
    ["tools/call", '{"resultType":"input_required"}', '{"resultType":"input_required"}'],
    ["tools/call", '{"resultType":"x","ttlMs":9}', '{"resultType":"x","ttlMs":9}'],
    [
      "tools/list",
      '{"tools":[]}',
      '{"tools":[],"resultType":"complete","cacheScope":"private","ttlMs":0}',
    ],
    [
      "tools/list",
      '{ "ttlMs" : 3600000, "cacheScope":"public", "resultType":"complete" }',
      '{ "ttlMs" : 60000, "cacheScope":"private", "resultType":"complete" }',
    ],
    [
      "resources/read",
      '{"resultType":"complete","ttlMs":5000,"cacheScope":"private"}',
      '{"resultType":"complete","ttlMs":5000,"cacheScope":"private"}',
    ],
    [
      "server/discover",
      '{"resultType":"complete","ttlMs":-1,"cacheScope":7}',
      '{"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
    ],
    [
      "prompts/list",
      '{"resultType":"complete","ttlMs":1e999,"cacheScope":"private"}',
      '{"resultType":"complete","ttlMs":0,"cacheScope":"private"}',
    ],
  ])("of %s %s", (method, result, expected) => {
    expect(textOf(toModernResult(method, objectOf(result)))).toBe(expected);
  });
});

describe("toLegacyResult", () => {
  test("takes off what the legacy era does not know, at the top alone", () => {
    const list = objectOf(
      '{"resultType":"complete","tools":[{"ttlMs":1, "n":1.0}],"ttlMs":0,"cacheScope":"private"}',
    );
    expect(toLegacyResult("tools/list", list)).toBe('{"tools":[{"ttlMs":1, "n":1.0}]}');
    const call = objectOf('{"content":[],"resultType":"complete","ttlMs":5}');
    expect(toLegacyResult("tools/call", call)).toBe('{"content":[],"ttlMs":5}');
  });

  test("undoes toModernResult", () => {
    const keys = fc.constantFrom("tools", "nextCursor", "_meta", "x");
    fc.assert(
      fc.property(fc.dictionary(keys, fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        const modern = toModernResult("tools/list", objectOf(text));
        expect(toLegacyResult("tools/list", modern)).toBe(text);
      }),
    );
  });
});

const meta: RequestMeta = {
  revision: "2026-07-28",
  clientInfo: '{"name":"c","version":"1.0"}',
  capabilities: "{}",
  logLevel: undefined,
  progressToken: undefined,
};
const ours =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1.0"},' +
  '"io.modelcontextprotocol/clientCapabilities":{}';

describe("toModernText", () => {
  test.each([
    [undefined, `{"_meta":{${ours}}}`],
    ['{"name":"a"}', `{"name":"a","_meta":{${ours}}}`],
    ['{"_meta":{},"name":"a"}', `{"_meta":{${ours}},"name":"a"}`],
    ['{"_meta":{"x": 1.0}}', `{"_meta":{"x": 1.0,${ours}}}`],
    ['{"_meta":{"progressToken":5}}', `{"_meta":{${ours}}}`],
    ['{"_meta":null}', `{"_meta":{${ours}}}`],
  ])("of %s", (params, expected) => {
    const made = toModernText(params === undefined ? undefined : objectOf(params), meta);
    expect(made).toBe(expected);
  });

  test("replaces what a caller claims of itself, in place", () => {
    const claimed = objectOf(
      '{"_meta":{"io.modelcontextprotocol/clientInfo":{"name":"admin"},' +
        '"io.modelcontextprotocol/logLevel":"debug","traceparent":"t"}}',
    );
    expect(JSON.parse(toModernText(claimed, { ...meta, progressToken: '"p"' }))).toEqual({
      _meta: {
        "io.modelcontextprotocol/clientInfo": { name: "c", version: "1.0" },
        traceparent: "t",
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        progressToken: "p",
      },
    });
  });
});

describe("toLegacyText", () => {
  test.each([
    [undefined, undefined, undefined],
    [undefined, "7", '{"_meta":{"progressToken":7}}'],
    ['{"name":"a"}', undefined, '{"name":"a"}'],
    [`{"_meta":{${ours}},"name":"a"}`, undefined, '{"name":"a"}'],
    [`{"_meta":{${ours}, "x":1.0}}`, undefined, '{"_meta":{"x":1.0}}'],
    [`{"_meta":{${ours}}}`, '"t"', '{"_meta":{"progressToken":"t"}}'],
    ['{"_meta":{"progressToken":1}}', undefined, "{}"],
    ['{"_meta":{}}', undefined, '{"_meta":{}}'],
    ['{"_meta":7}', undefined, '{"_meta":7}'],
  ])("of %s with the token %s", (params, token, expected) => {
    const made = toLegacyText(params === undefined ? undefined : objectOf(params), token);
    expect(made).toBe(expected);
  });

  test("undoes toModernText and keeps every byte of the rest", () => {
    const name = fc.constantFrom("a", "b", "x/y", "traceparent");
    const record = fc.dictionary(name, fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(record, fc.option(record, { nil: undefined }), (params, own) => {
        const text = JSON.stringify(own === undefined ? params : { ...params, _meta: own });
        const modern = toModernText(objectOf(text), {
          ...meta,
          logLevel: "info",
          progressToken: "1",
        });
        expect(toLegacyText(objectOf(modern), undefined)).toBe(text);
      }),
    );
  });
});

describe("toEraErrorCode", () => {
  test.each([
    [-32002, "modern", -32602],
    [-32002, "legacy", -32002],
    [-32602, "legacy", -32602],
    [-32020, "modern", -32603],
    [-32021, "legacy", -32603],
    [-32022, "modern", -32603],
    [-32023, "modern", -32023],
    [-32601, "modern", -32601],
    [42, "legacy", 42],
  ] as const)("of %i for a %s listener is %i", (code, era, expected) => {
    expect(toEraErrorCode(code, era)).toBe(expected);
  });
});
