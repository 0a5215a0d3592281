import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { foldCase, textOf, toJsonRpcMessage, toWire } from "../../src/mcp/index.ts";
import { jsonOf, objectOf } from "./json-of.ts";

const read = (text: string): ReturnType<typeof toJsonRpcMessage> => toJsonRpcMessage(jsonOf(text));

describe("toJsonRpcMessage reads", () => {
  test("a request with its id as it was spelt", () => {
    const message = read('{"jsonrpc":"2.0","id":12345678901234567890,"method":"a","params":{}}');
    expect(message).toMatchObject({ kind: "request", id: "12345678901234567890", method: "a" });
    expect(read('{"jsonrpc":"2.0","id":"7","method":"a"}')).toMatchObject({ id: '"7"' });
  });

  test("a notification, a result and an error", () => {
    expect(read('{"jsonrpc":"2.0","method":"a"}')).toMatchObject({ kind: "notification" });
    expect(read('{"jsonrpc":"2.0","id":1,"result":{"x":1}}')).toMatchObject({
      kind: "response",
      id: "1",
      answer: { kind: "result" },
    });
    expect(read('{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m"}}')).toMatchObject({
      answer: { kind: "error", code: -32602, message: "m" },
    });
  });

  test.each(["", '"id":null,'])(
    "an error whose request could not be read, with %j for an id",
    (id) => {
      const message = read(`{"jsonrpc":"2.0",${id}"error":{"code":-32700,"message":"m"}}`);
      expect(message).toMatchObject({ kind: "response", id: undefined });
    },
  );
});

describe("toJsonRpcMessage refuses", () => {
  test.each([
    ["a batch", "[]"],
    ["a nested batch", '[[{"jsonrpc":"2.0","id":1,"method":"a"}]]'],
    ["a string", '"tools/call"'],
    ["another version", '{"jsonrpc":"1.0","id":1,"method":"a"}'],
    ["no version", '{"id":1,"method":"a"}'],
    ["a null id", '{"jsonrpc":"2.0","id":null,"method":"a"}'],
    ["a null id of a result", '{"jsonrpc":"2.0","id":null,"result":{}}'],
    ["a fractional id", '{"jsonrpc":"2.0","id":1.5,"method":"a"}'],
    ["an exponent id", '{"jsonrpc":"2.0","id":1e3,"method":"a"}'],
    ["an object id", '{"jsonrpc":"2.0","id":{},"method":"a"}'],
    ["a boolean id", '{"jsonrpc":"2.0","id":true,"method":"a"}'],
    ["a method that is a list", '{"jsonrpc":"2.0","id":1,"method":["a"]}'],
    ["params that are a list", '{"jsonrpc":"2.0","id":1,"method":"a","params":[]}'],
    ["null params", '{"jsonrpc":"2.0","id":1,"method":"a","params":null}'],
    ["request and result", '{"jsonrpc":"2.0","id":1,"method":"a","result":{}}'],
    ["result and error", '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}'],
    ["a result that is a list", '{"jsonrpc":"2.0","id":1,"result":[]}'],
    ["an error without code", '{"jsonrpc":"2.0","id":1,"error":{"message":""}}'],
    ["nothing to do", '{"jsonrpc":"2.0","id":1}'],
    ["a key in the wrong case", '{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}'],
    ["a key that folds to another", '{"jsonrpc":"2.0","id":1,"method":"a","param\u017f":{}}'],
    [
      "an escaped key in the wrong case",
      '{"jsonrpc":"2.0","id":1,"method":"a","\\u004dethod":"b"}',
    ],
  ])("%s", (_, text) => {
    expect(read(text)).toHaveProperty("fault");
  });
});

describe("toWire", () => {
  test("writes a request that reads back as itself", () => {
    fc.assert(
      fc.property(fc.string(), fc.dictionary(fc.string(), fc.jsonValue()), (method, params) => {
        const text = JSON.stringify(params);
        const request = { kind: "request", id: "3", method, params: objectOf(text) } as const;
        const back = read(toWire(request, request.id));
        expect(back).toMatchObject({ kind: "request", id: "3", method });
        expect("params" in back && back.params && textOf(back.params)).toBe(text);
      }),
    );
  });

  test("writes results, errors and notifications under the given id", () => {
    expect(toWire({ kind: "result", result: objectOf('{ "x": 1.0 }') }, '"9"')).toBe(
      '{"jsonrpc":"2.0","id":"9","result":{ "x": 1.0 }}',
    );
    const data = jsonOf("[1e5]");
    expect(toWire({ kind: "error", code: -1, message: 'a"b\n', data }, "9")).toBe(
      '{"jsonrpc":"2.0","id":9,"error":{"code":-1,"message":"a\\"b\\n","data":[1e5]}}',
    );
    expect(toWire({ kind: "notification", method: "n", params: undefined }, "9")).toBe(
      '{"jsonrpc":"2.0","method":"n"}',
    );
  });
});

test("foldCase folds the letters that only look like ASCII", () => {
  expect(foldCase("METHOD")).toBe("method");
  expect(foldCase("param\u017f")).toBe("params");
  expect(foldCase("to\u212Aen")).toBe("token");
  expect(foldCase("ｉｄ")).toBe("id");
});
