import { array, assert, constantFrom, property } from "fast-check";
import { expect, test } from "vitest";
import {
  isSingleton,
  screenMethod,
  screenRawHeaders,
  screenTarget,
} from "../../src/runtime/screen.ts";

const raw = (...names: string[]) => names.flatMap((name) => [name, "a"]);

test("screen finds a decisive header that stands twice, in any spelling", () => {
  expect(screenRawHeaders(raw("Host", "hOST"))?.code).toBe("MESSAGE_MALFORMED");
  expect(screenRawHeaders(raw("Host", "Mcp-Param-A", "mcp-param-a"))?.code).toBe(
    "MESSAGE_MALFORMED",
  );
  expect(screenRawHeaders(raw("Host", "Mcp-Param-A", "mcp-param-b", "Accept", "Accept"))).toBe(
    undefined,
  );
});

test("screen finds a request without Host, and too many headers", () => {
  expect(screenRawHeaders(raw("Accept"))?.code).toBe("MESSAGE_MALFORMED");
  expect(screenRawHeaders(raw("Host", ...Array.from({ length: 199 }, () => "X")))).toBe(undefined);
  expect(screenRawHeaders(raw("Host", ...Array.from({ length: 200 }, () => "X")))?.code).toBe(
    "HEADERS_TOO_LARGE",
  );
});

test("screen takes chunked and no other transfer coding", () => {
  const coded = (value: string) =>
    screenRawHeaders(["Host", "a", "Transfer-Encoding", value])?.code;
  expect(coded("Chunked")).toBe(undefined);
  for (const value of ["xchunked", "gzip, chunked", "chunked;a", "identity", "", "chunked\u000b"]) {
    expect(coded(value)).toBe("MESSAGE_MALFORMED");
  }
});

test("screen refuses tunnels, loops and WebSockets", () => {
  for (const method of ["CONNECT", "TRACE", "TRACK"]) {
    expect(screenMethod(method, undefined)?.code).toBe("HTTP_METHOD_UNSUPPORTED");
  }
  expect(screenMethod("GET", "h2c, WebSocket")?.code).toBe("MESSAGE_MALFORMED");
  expect(screenMethod("POST", "h2c")).toBe(undefined);
});

test("a target that passes the screen means the same path to a URL parser", () => {
  const piece = constantFrom(
    ..."/ // . .. %2e %2E %2f \\ mcp a ? # ; \t \u00e4 % %5c . ~ @ : & http://b".split(" "),
  );
  assert(
    property(array(piece, { maxLength: 8 }), (pieces) => {
      const target = `/${pieces.join("")}`;
      if (screenTarget(target) !== undefined) return;
      const sent = target.split("?")[0];
      expect(new URL(`http://gateway.test${target}`).pathname).toBe(sent);
    }),
    { numRuns: 5_000 },
  );
  expect(screenTarget("/mcp/weather?a=b")).toBe(undefined);
});

test("every header that the gateway compares with the body counts as decisive", () => {
  for (const name of ["mcp-method", "mcp-name", "mcp-protocol-version", "mcp-param-x"]) {
    expect(isSingleton(name)).toBe(true);
  }
  expect(isSingleton("accept")).toBe(false);
});
