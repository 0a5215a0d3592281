import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ParamHeader,
  compareHeaders,
  compareParamHeaders,
  decodeHeaderValue,
  encodeHeaderValue,
  toParamHeaders,
  toRequestHeaders,
  unknownParamHeaders,
} from "../../src/mcp/index.ts";
import { jsonOf, objectOf } from "./json-of.ts";

describe("encodeHeaderValue", () => {
  test.each([
    ["us-west1", "us-west1"],
    ["Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="],
    [" padded ", "=?base64?IHBhZGRlZCA=?="],
    ["line1\nline2", "=?base64?bGluZTEKbGluZTI=?="],
    ["=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="],
    ["a\tb c", "a\tb c"],
    ["", ""],
  ])("of %j is what the specification shows", (value, header) => {
    expect(encodeHeaderValue(value)).toBe(header);
    expect(decodeHeaderValue(header)).toBe(value);
  });

  test("gives a header that HTTP takes and that reads back as the value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const header = new Headers({ x: encodeHeaderValue(value) }).get("x")!;
        expect(header).toMatch(/^[\t -~]*$/);
        expect(decodeHeaderValue(header)).toBe(value);
      }),
    );
  });
});

describe("decodeHeaderValue refuses", () => {
  test.each([
    ["letters outside ASCII", "caf\u00e9"],
    ["a control character", "a\u0007"],
    ["DEL", "a\u007f"],
    ["white space around", " a"],
    ["bad Base64", "=?base64?a*b=?="],
    ["Base64 without padding", "=?base64?YQ?="],
    ["Base64 for URLs", "=?base64?_-8=?="],
    ["white space in Base64", "=?base64?YW Jj?="],
    ["bytes that are no UTF-8", "=?base64?/w==?="],
    ["overlong UTF-8", "=?base64?wK8=?="],
  ])("%s", (_, header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  });

  test("nothing whose marker is spelt otherwise: that is plain text", () => {
    expect(decodeHeaderValue("=?BASE64?YQ==?=")).toBe("=?BASE64?YQ==?=");
    expect(decodeHeaderValue("=?base64?YQ==?= ")).toBeUndefined();
  });
});

describe("toParamHeaders", () => {
  const schema = (properties: string, more = ""): ReturnType<typeof toParamHeaders> =>
    toParamHeaders(objectOf(`{"type":"object","properties":{${properties}}${more}}`));

  test("finds annotations at the end of chains of properties", () => {
    const found = schema(
      `"region":{"type":"string","x-mcp-header":"Region"},
       "user":{"type":"object","properties":{"id":{"type":"integer","x-mcp-header":"User-Id"}}},
       "dry":{"type":"boolean","x-mcp-header":"dry"},"properties":{"type":"string"}`,
    );
    expect(found).toEqual({
      headers: [
        { header: "mcp-param-region", path: ["region"], type: "string" },
        { header: "mcp-param-user-id", path: ["user", "id"], type: "integer" },
        { header: "mcp-param-dry", path: ["dry"], type: "boolean" },
      ],
    });
  });

  test("is empty for a schema without annotations, whatever its data says", () => {
    expect(schema('"a":{"type":"string","default":{"x-mcp-header":"no"}}')).toEqual({
      headers: [],
    });
    expect(schema('"x-mcp-header":{"type":"string"}')).toEqual({ headers: [] });
    expect(schema('"a":{"const":{"x-mcp-header":"no"},"enum":[{"x-mcp-header":"no"}]}')).toEqual({
      headers: [],
    });
  });

  test.each([
    ["an empty name", '"a":{"type":"string","x-mcp-header":""}'],
    ["a line break", '"a":{"type":"string","x-mcp-header":"a\\r\\nX: y"}'],
    ["a space", '"a":{"type":"string","x-mcp-header":"a b"}'],
    ["a colon", '"a":{"type":"string","x-mcp-header":"a:b"}'],
    ["a name that is no string", '"a":{"type":"string","x-mcp-header":1}'],
    ["type number", '"a":{"type":"number","x-mcp-header":"a"}'],
    ["type object", '"a":{"type":"object","x-mcp-header":"a"}'],
    ["a list of types", '"a":{"type":["string"],"x-mcp-header":"a"}'],
    ["no type", '"a":{"x-mcp-header":"a"}'],
    [
      "the same name in another case",
      '"a":{"type":"string","x-mcp-header":"a"},"b":{"type":"string","x-mcp-header":"A"}',
    ],
    ["items", '"a":{"type":"array","items":{"type":"string","x-mcp-header":"a"}}'],
    ["anyOf", '"a":{"anyOf":[{"type":"string","x-mcp-header":"a"}]}'],
    [
      "allOf with properties",
      '"a":{"allOf":[{"properties":{"b":{"type":"string","x-mcp-header":"a"}}}]}',
    ],
    ["if", '"a":{"if":{"type":"string","x-mcp-header":"a"}}'],
    ["patternProperties", '"a":{"patternProperties":{"x":{"type":"string","x-mcp-header":"a"}}}'],
    ["an unknown keyword", '"a":{"x-schema":{"type":"string","x-mcp-header":"a"}}'],
  ])("refuses %s", (_, properties) => {
    expect(schema(properties)).toHaveProperty("fault");
  });

  test("refuses annotations in definitions and at the root", () => {
    expect(schema("", ',"$defs":{"a":{"type":"string","x-mcp-header":"a"}}')).toHaveProperty(
      "fault",
    );
    expect(schema("", ',"x-mcp-header":"a"')).toHaveProperty("fault");
  });
});

const paramHeaders: readonly ParamHeader[] = [
  { header: "mcp-param-region", path: ["region"], type: "string" },
  { header: "mcp-param-user-id", path: ["user", "id"], type: "integer" },
  { header: "mcp-param-dry", path: ["dry"], type: "boolean" },
];
const revision = "2026-07-28";

describe("toRequestHeaders", () => {
  test("mirrors method, name and declared parameters", () => {
    const params = objectOf(
      '{"name":"größe","arguments":{"region":" eu","user":{"id":42.0},"dry":false,"other":1}}',
    );
    expect(toRequestHeaders({ method: "tools/call", revision, params, paramHeaders })).toEqual({
      "MCP-Protocol-Version": "2026-07-28",
      "Mcp-Method": "tools/call",
      "Mcp-Name": encodeHeaderValue("größe"),
      "Mcp-Param-Region": encodeHeaderValue(" eu"),
      "Mcp-Param-User-Id": "42",
      "Mcp-Param-Dry": "false",
    });
  });

  test("leaves out parameters that are absent, null or of a type no header can carry", () => {
    const params = objectOf('{"name":"a","arguments":{"region":null,"user":{"id":1.5},"dry":[]}}');
    const headers = toRequestHeaders({ method: "tools/call", revision, params, paramHeaders });
    expect(Object.keys(headers)).toEqual(["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name"]);
  });

  test("names a resource by its URI and a list by nothing", () => {
    const request = { revision, paramHeaders: [] };
    const read = { ...request, method: "resources/read", params: objectOf('{"uri":"file:///a"}') };
    expect(toRequestHeaders(read)["Mcp-Name"]).toBe("file:///a");
    const list = { ...request, method: "tools/list", params: objectOf('{"name":"a"}') };
    expect(toRequestHeaders(list)).not.toHaveProperty("Mcp-Name");
  });

  test("always agrees with compareHeaders and compareParamHeaders", () => {
    const args = fc.record(
      {
        region: fc.string({ unit: "grapheme" }),
        user: fc.record({ id: fc.maxSafeInteger() }),
        dry: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), args, (name, values) => {
        const params = objectOf(JSON.stringify({ name, arguments: values }));
        const request = { method: "tools/call", revision, params };
        const headers = new Headers(toRequestHeaders({ ...request, paramHeaders }));
        expect(compareHeaders(headers, request)).toBeUndefined();
        const json = jsonOf(JSON.stringify(values));
        expect(compareParamHeaders(headers, paramHeaders, json)).toBeUndefined();
      }),
    );
  });
});

describe("compareHeaders", () => {
  const request = { method: "tools/call", revision, params: objectOf('{"name":"b"}') };
  const headersOf = (changes: Record<string, string | undefined>): Headers => {
    const headers = new Headers({
      "mcp-protocol-version": revision,
      "mcp-method": "tools/call",
      "mcp-name": "b",
    });
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) headers.delete(name);
      else headers.set(name, value);
    }
    return headers;
  };

  test("is silent where headers and body agree", () => {
    expect(compareHeaders(headersOf({}), request)).toBeUndefined();
    expect(compareHeaders(headersOf({ "mcp-name": "=?base64?Yg==?=" }), request)).toBeUndefined();
  });

  test.each([
    [{ "mcp-name": "a" }, 'Mcp-Name is "a" in the headers and "b" in the body'],
    [{ "mcp-name": undefined }, "Mcp-Name is missing"],
    [{ "mcp-name": "b, b" }, 'Mcp-Name is "b, b" in the headers and "b" in the body'],
    [{ "mcp-name": "B" }, 'Mcp-Name is "B" in the headers and "b" in the body'],
    [{ "mcp-name": "=?base64?Y*==?=" }, "Mcp-Name has an invalid value"],
    [{ "mcp-name": "\u00e9" }, "Mcp-Name has an invalid value"],
    [{ "mcp-method": undefined }, "Mcp-Method is missing"],
    [
      { "mcp-method": "tools/list" },
      'Mcp-Method is "tools/list" in the headers and "tools/call" in the body',
    ],
    [{ "mcp-method": "=?base64?dG9vbHMvY2FsbA==?=" }, undefined],
    [{ "mcp-protocol-version": undefined }, "MCP-Protocol-Version is missing"],
    [
      { "mcp-protocol-version": "2025-11-25" },
      'MCP-Protocol-Version is "2025-11-25" in the headers and "2026-07-28" in the body',
    ],
  ])("of %j says %j", (changes, message) => {
    const found = compareHeaders(headersOf(changes), request);
    if (message === undefined) expect(found).toMatch(/^Mcp-Method is /);
    else expect(found).toBe(message);
  });

  test("quotes no more than 160 characters of what it was sent", () => {
    const long = { ...request, params: objectOf(`{"name":"${"y".repeat(5000)}"}`) };
    expect(compareHeaders(headersOf({ "mcp-name": "x".repeat(5000) }), long)!.length).toBeLessThan(
      230,
    );
  });
});

describe("compareParamHeaders", () => {
  const args = jsonOf('{"region":"eu","user":{"id":42},"dry":true}');
  const good = { "mcp-param-region": "eu", "mcp-param-user-id": "42", "mcp-param-dry": "true" };
  const compare = (headers: Record<string, string>, body = args): string | undefined =>
    compareParamHeaders(new Headers(headers), paramHeaders, body);

  test("compares integers as numbers", () => {
    expect(compare(good)).toBeUndefined();
    expect(compare({ ...good, "mcp-param-user-id": "42.0" })).toBeUndefined();
    expect(compare(good, jsonOf('{"region":"eu","user":{"id":4.2e1},"dry":true}'))).toBeUndefined();
    expect(compare({ ...good, "mcp-param-user-id": "0x2a" })).toMatch(/invalid/);
    expect(compare({ ...good, "mcp-param-user-id": "43" })).toMatch(/"43" in the headers/);
  });

  test("tells of a header that is missing, differs, or stands alone", () => {
    expect(compare({ ...good, "mcp-param-region": "us" })).toMatch(/^Mcp-Param-Region is "us"/);
    expect(compare({ ...good, "mcp-param-dry": "TRUE" })).toMatch(/^Mcp-Param-Dry/);
    expect(compare({ "mcp-param-user-id": "42", "mcp-param-dry": "true" })).toBe(
      "Mcp-Param-Region is missing",
    );
    expect(compare(good, jsonOf('{"region":null,"user":{"id":42},"dry":true}'))).toBe(
      "Mcp-Param-Region is in the headers and not in the body",
    );
  });

  test("expects no header for absent and null parameters", () => {
    expect(compare({}, jsonOf('{"region":null,"user":{}}'))).toBeUndefined();
    expect(compareParamHeaders(new Headers(), paramHeaders, undefined)).toBeUndefined();
  });
});

describe("unknownParamHeaders", () => {
  test("passes well-formed headers that the tool does not declare, and nothing else", () => {
    const headers = new Headers({
      "Mcp-Param-Region": "eu",
      "Mcp-Param-Extra": "x",
      "Mcp-Param-Coded": "=?base64?YQ==?=",
      "Mcp-Param-Broken": "=?base64?*?=",
      "Mcp-Param-": "x",
      "Mcp-Name": "x",
      authorization: "Bearer x",
    });
    expect(unknownParamHeaders(headers, paramHeaders)).toEqual({
      "mcp-param-extra": "x",
      "mcp-param-coded": "=?base64?YQ==?=",
    });
  });

  test("passes at most 32", () => {
    const many = Array.from({ length: 100 }, (_, i): [string, string] => [`mcp-param-${i}`, "x"]);
    expect(Object.keys(unknownParamHeaders(new Headers(many), []))).toHaveLength(32);
  });
});
