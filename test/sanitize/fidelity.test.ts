import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type McpMessage, isObject, parseJson, toWire } from "../../src/mcp/index.ts";
import { cleanJson, cleanMessage, resolveSettings } from "../../src/sanitize/index.ts";
import { githubToken, jwt, secrets } from "./samples.ts";

const settings = resolveSettings();

function result(source: string): McpMessage {
  const read = parseJson(source);
  if (!read.ok || !isObject(read.json)) throw new Error("The sample is no object");
  return { kind: "result", result: read.json };
}
function clean(source: string, method: string): string {
  const { message } = cleanMessage(result(source), settings, { method });
  return toWire(message, "1").slice('{"jsonrpc":"2.0","id":1,"result":'.length, -1);
}

test.each([
  ["a cursor", "tools/list", `{"tools":[],"nextCursor":"${jwt}"}`],
  ["requestState", "tools/call", `{"resultType":"input_required","requestState":"${jwt}"}`],
  ["a task id", "tools/call", `{"task":{"taskId":"${githubToken}","status":"working"}}`],
  ["a progress token", "tools/call", `{"content":[],"_meta":{"progressToken":"${jwt}"}}`],
  [
    "a related task",
    "tools/call",
    `{"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"${jwt}"}}}`,
  ],
  ["a big integer", "tools/call", '{"structuredContent":{"id":12345678901234567890,"x":1.10e+2}}'],
  ["white space and order", "tools/call", '{ "b" : [ 1 , 2 ],\n\t"a":{ } }'],
  [
    "escapes",
    "tools/call",
    String.raw`{"content":[{"type":"text","text":"a\/b\u00e9\ud83d\ude00"}]}`,
  ],
  [
    "a schema with a password",
    "tools/list",
    '{"tools":[{"name":"login","inputSchema":{"type":"object","properties":{"password":{"type":"string","minLength":8},"api_key":{"type":"string","default":"none"}},"required":["password","api_key"]}}]}',
  ],
  [
    "a schema in data",
    "tools/call",
    '{"structuredContent":{"properties":{"password":{"type":"string"}}}}',
  ],
  [
    "a signed link",
    "tools/call",
    `{"content":[{"type":"resource_link","name":"x","uri":"https://x.example/f?token=abc123def456&jwt=${jwt}"}]}`,
  ],
  [
    "a property with hidden characters",
    "tools/list",
    '{"tools":[{"name":"a","inputSchema":{"properties":{"a\u200bb":{}}}}]}',
  ],
])("%s passes byte for byte", (_, method, source) => {
  expect(clean(source, method)).toBe(source);
});

test("images, sounds and binary files pass byte for byte", () => {
  const magic = [
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13],
    [0xff, 0xd8, 0xff, 0xe0, 0, 16],
    [0x52, 0x49, 0x46, 0x46, 0, 0, 0, 0, 0x57, 0x41, 0x56, 0x45],
  ];
  const bytes = fc.uint8Array({ maxLength: 600 });
  fc.assert(
    fc.property(fc.constantFrom(...magic), bytes, (head, rest) => {
      const data = Buffer.from([...head, ...rest]).toString("base64");
      const block = `{"type":"image","data":"${data}","mimeType":"image/png"}`;
      const source = `{"content":[${block},{"type":"resource","resource":{"uri":"a:b","blob":"${data}"}}]}`;
      expect(clean(source, "tools/call")).toBe(source);
    }),
  );
});

test("an image passes byte for byte even where its bytes spell a token", () => {
  const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13];
  const data = Buffer.from([...png, ...Buffer.from(` ${githubToken} `)]).toString("base64");
  const source = `{"content":[{"type":"image","data":"${data}","mimeType":"image/png"}]}`;
  expect(clean(source, "tools/call")).toBe(source);
});

test("an address loses a token of a known format and a password in its userinfo", () => {
  const link = (uri: string) => `{"content":[{"type":"resource_link","name":"x","uri":"${uri}"}]}`;
  expect(clean(link(`https://x.example/?t=${githubToken}`), "tools/call")).toBe(
    link("https://x.example/?t=[redacted:github-token]"),
  );
  expect(clean(link("https://anna:s3cr3t@x.example/"), "tools/call")).toBe(
    link("https://anna:[redacted:url-password]@x.example/"),
  );
});

test("what stands beside a secret keeps its spelling", () => {
  const source = String.raw`{"content":[{"text":"a\/b\u00e9 ${githubToken} \ud83d\ude00\t","type":"text"} , 1.0]}`;
  const expected = source.replace(githubToken, "[redacted:github-token]");
  expect(clean(source, "tools/call")).toBe(expected);
});

test("a secret that is escaped letter by letter is replaced in the source", () => {
  const escaped = [...githubToken]
    .map((letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
  expect(clean(`{"content":[{"type":"text","text":"a\\n${escaped}\\/b"}]}`, "tools/call")).toBe(
    String.raw`{"content":[{"type":"text","text":"a\n[redacted:github-token]\/b"}]}`,
  );
});

const clear = fc.stringMatching(/^[ a-zA-Z0-9,.é字]{0,20}$/);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    clear,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(clear, tie("value"), { maxKeys: 4 }),
  ),
})).value;

test("JSON without secrets comes out as the same object", () => {
  fc.assert(
    fc.property(json, fc.constantFrom(0, 1, 2), (value, indent) => {
      const read = parseJson(JSON.stringify(value, null, indent));
      if (!read.ok) return;
      const cleaned = cleanJson(read.json, settings);
      expect(cleaned.json).toBe(read.json);
      expect(cleaned.redactions).toEqual([]);
    }),
  );
});

test("whatever is in a message, it stays valid JSON and loses its secrets", () => {
  const secret = fc.constantFrom(...secrets.map(([, each]) => each));
  const rough = fc.oneof(
    fc.string({ unit: "binary" }),
    clear,
    fc.constantFrom("\\", '"', "\u200b"),
  );
  const text = fc
    .tuple(rough, fc.option(secret, { nil: "" }), rough)
    .map(([before, token, after]) => `${before} ${token} ${after}`);
  fc.assert(
    fc.property(fc.dictionary(text, fc.array(text)), secret, (value, token) => {
      const read = parseJson(
        JSON.stringify({ content: [], structuredContent: { ...value, x: token } }),
      );
      if (!read.ok || !isObject(read.json)) return;
      const dirty = { kind: "result", result: read.json } as const;
      for (const mode of ["redact", "mask", "deny"] as const) {
        const { message } = cleanMessage(dirty, resolveSettings({ secrets: mode }), {
          method: "tools/call",
        });
        const wire = toWire(message, "1");
        expect(parseJson(wire).ok).toBe(true);
        const out = JSON.stringify(JSON.parse(wire));
        for (const [, each] of secrets) {
          expect(out).not.toContain(JSON.stringify(each).slice(1, -1));
        }
      }
    }),
  );
});

test("clean text is searched with a fixed number of patterns, whatever its length", () => {
  const exec = vi.spyOn(RegExp.prototype, "exec");
  const run = (repeats: number) => {
    const text = "The forecast says rain: 12 degrees, wind from the west. ".repeat(repeats);
    exec.mockClear();
    expect(clean(JSON.stringify({ content: [{ type: "text", text }] }), "tools/call")).toContain(
      text,
    );
    return exec.mock.calls.length;
  };
  expect(run(200)).toBe(run(2));
  exec.mockRestore();
});
