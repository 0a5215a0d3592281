import { expect, test } from "vitest";
import { callResultFault, contentTypes, reread } from "../../src/mcp/index.ts";

test.each([
  ["no content", '{"content":[]}'],
  [
    "every kind of block",
    '{"content":[{"type":"text","text":""},{"type":"image","data":"","mimeType":""},{"type":"audio","data":"","mimeType":""},{"type":"resource_link","uri":"a","name":"b"},{"type":"resource","resource":{"uri":"a","text":""}},{"type":"resource","resource":{"uri":"a","blob":""}}]}',
  ],
  ["members of its own", '{"content":[],"isError":true,"structuredContent":1,"_meta":{},"x":1}'],
])("a result with %s is one of a tool", (_, text) => {
  expect(callResultFault(reread(text))).toBeUndefined();
});

test.each([
  ["is an array", "[]"],
  ["has no content", "{}"],
  ["has content that is no array", '{"content":{}}'],
  ["has an isError that is a text", '{"content":[],"isError":"yes"}'],
  ["has a _meta that is none", '{"content":[],"_meta":[]}'],
  ["has a block that is a text", '{"content":["hi"]}'],
  ["has a block without a type", '{"content":[{"text":"hi"}]}'],
  ["has a block of an unknown type", '{"content":[{"type":"future"}]}'],
  ["has a text block without text", '{"content":[{"type":"text"}]}'],
  ["has a text block with a number", '{"content":[{"type":"text","text":1}]}'],
  ["has an image without a type", '{"content":[{"type":"image","data":""}]}'],
  ["has a link without a name", '{"content":[{"type":"resource_link","uri":"a"}]}'],
  ["has a resource without content", '{"content":[{"type":"resource","resource":{"uri":"a"}}]}'],
  ["has annotations that are none", '{"content":[{"type":"text","text":"","annotations":1}]}'],
])("a value that %s is no result of a tool", (_, text) => {
  expect(callResultFault(reread(text))).toBeTypeOf("string");
});

test("a type of content that a result has already may be there", () => {
  const json = reread('{"content":[{"type":"future"}]}');
  expect(callResultFault(json, contentTypes(json))).toBeUndefined();
});
