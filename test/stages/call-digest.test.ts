import { expect, test } from "vitest";
import { type JsonObject, reread } from "../../src/mcp/index.ts";
import { toCallDigest } from "../../src/stages/call-digest.ts";
import { crypto } from "../stores/ports.ts";

const digest = (text: string, method = "tools/call"): string =>
  toCallDigest(method, reread(text) as JsonObject, crypto);
const call = digest('{"name":"send","arguments":{"n":1.0,"m":"é"}}');

test.each([
  '{"arguments":{"n":1.0,"m":"é"},"name":"send"}',
  '{ "name": "send", "arguments": {"n":1.0,"m":"é"} }',
  '{"_meta":{"progressToken":1},"name":"send","arguments":{"n":1.0,"m":"é"}}',
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

test("the digest of a call is another one for another method", () => {
  expect(digest('{"name":"send"}', "prompts/get")).not.toBe(digest('{"name":"send"}'));
});
