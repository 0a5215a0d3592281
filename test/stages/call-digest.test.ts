import { expect, test } from "vitest";
import { type JsonObject, reread, textOf } from "../../src/mcp/index.ts";
import { toCallDigest, toMore } from "../../src/stages/call-digest.ts";
import { crypto } from "../stores/ports.ts";

const ofAttempt = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "n" },
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/logLevel": "debug",
  progressToken: 7,
};
const digest = (text: string, method = "tools/call"): string =>
  toCallDigest(method, reread(text) as JsonObject, crypto);
const call = digest('{"name":"send","arguments":{"n":1.0,"m":"é"}}');

test.each([
  '{"arguments":{"n":1.0,"m":"é"},"name":"send"}',
  '{ "name": "send", "arguments": {"n":1.0,"m":"é"} }',
  '{"_meta":{"progressToken":1},"name":"send","arguments":{"n":1.0,"m":"é"}}',
  '{"_meta":{},"name":"send","arguments":{"n":1.0,"m":"é"}}',
  '{"_meta":{"traceparent":"t","tracestate":"s"},"name":"send","arguments":{"n":1.0,"m":"é"}}',
  `{"_meta":${JSON.stringify(ofAttempt)},"name":"send","arguments":{"n":1.0,"m":"é"}}`,
  '{"name":"send","requestState":"s","arguments":{"n":1.0,"m":"é"},"inputResponses":{}}',
])("the digest of a call is the same in each round: %s", (text) => {
  expect(digest(text)).toBe(call);
});

test.each([
  '{"name":"send","arguments":{"n":1,"m":"é"}}',
  '{"name":"send","arguments":{"n":1.0,"m":"e\u0301"}}',
  '{"name":"send","arguments":{"m":"é","n":1.0}}',
  '{"name":"send","arguments":{"n":1.0,"m":"é","o":null}}',
  '{"name":"sent","arguments":{"n":1.0,"m":"é"}}',
  '{"name":"send","arguments":{"n":1.0,"m":"é"},"task":{}}',
])("the digest of a call is another one for %s", (text) => {
  expect(digest(text)).not.toBe(call);
});

test.each([
  '{"com.example/as":"root"}',
  '{"baggage":"tenant=other"}',
  '{"Traceparent":"t"}',
  '{"io.modelcontextprotocol/related-task":{"taskId":"1"}}',
  '{"io.modelcontextprotocol/serverInfo":{}}',
  '"text"',
  "null",
  "[]",
])("the digest of a call is another one with the _meta %s", (meta) => {
  const text = (given: string) => `{"_meta":${given},"name":"send","arguments":{"n":1.0,"m":"é"}}`;
  expect(digest(text(meta))).not.toBe(call);
  const [open, rest] = [meta.slice(0, 1), meta.slice(1)];
  if (open === "{") expect(digest(text(`{"progressToken":2,${rest}`))).toBe(digest(text(meta)));
});

test("the digest of a call tells what stands in _meta from what its spelling looks like", () => {
  const text = (meta: string) => `{"name":"send","_meta":${meta}}`;
  const spellings = [
    '{"a":1}',
    '[["a","1"]]',
    '"[[\\"a\\",\\"1\\"]]"',
    '{"a":"1"}',
    '{"a":1,"b":1}',
  ];
  expect(new Set(spellings.map((each) => digest(text(each)))).size).toBe(spellings.length);
  expect(digest(text('{"b":1,"a":2}'))).toBe(digest(text('{ "a":2, "b":1 }')));
});

test.each([
  ['{"name":"send","arguments":{}}', undefined],
  ['{"name":"send","arguments":{},"requestState":"s","_meta":{"progressToken":1}}', undefined],
  ['{"name":"send","uri":"x"}', '{"uri":"x"}'],
  ['{"name":"send","_meta":{"progressToken":1,"baggage":"b"}}', '{"_meta":{"baggage":"b"}}'],
  ['{"name":"send","_meta":1,"task":{"ttl":1}}', '{"_meta":1,"task":{"ttl":1}}'],
  ['{"inputResponses":{"who":{}},"name":"send"}', '{"inputResponses":{"who":{}}}'],
])("what is sent beside name and arguments of %s is %s", (text, more) => {
  const found = toMore(reread(text) as JsonObject, "name");
  expect(found && textOf(found)).toBe(more);
});

test("the digest of a call is another one for another method", () => {
  expect(digest('{"name":"send"}', "prompts/get")).not.toBe(digest('{"name":"send"}'));
});
