/** Policy bypass (P): what was not allowed reaches no server, however it is put. */
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anyTool } from "../e2e/echo-server.ts";
import {
  type JsonAnswer,
  allowAll,
  authA,
  authB,
  modernRequest,
  post,
  runGateway,
  tokenA,
  tokenB,
} from "../e2e/gateway.ts";
import { sendRaw, statusOf } from "../runtime/raw.ts";
import { result, sendJson, startFake } from "../upstreams/fake-server.ts";
import { type Stand, callOf, openSession, openStand, plenty, rawCall, withoutId } from "./stand.ts";

let stand: Stand;
/** Only `kiss` and what stands below `pub`. */
const narrow = {
  tools: ["up/kiss", "up/zone"],
  resources: ["up/docs://pub/*", "up/file:///pub/*", "up/https://docs.example.com/*"],
};
const tokenC = "c-token-of-client-c-that-is-long-enough";
const schema =
  '{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}';

beforeAll(async () => {
  const { Secret } = await import("../../src/core/index.ts");
  stand = await openStand({
    upstream: {
      tools: () => [anyTool("kiss"), anyTool("secret"), `{"name":"zone","inputSchema":${schema}}`],
      resources: ["docs://pub/a", "docs://priv/a", "file:///etc/passwd"].map(
        (uri) => `{"uri":"${uri}","name":"x"}`,
      ),
      templates: ["docs://pub/{x}", "docs://priv/{x}", "file:///etc/{+x}"].map(
        (uriTemplate) => `{"uriTemplate":"${uriTemplate}","name":"x"}`,
      ),
    },
    config: (url) => ({
      upstreams: { up: { url } },
      clients: {
        a: { auth: authA, allow: narrow, rate: plenty },
        b: { auth: authB, allow: { tools: ["up/*"], resources: ["up/*"] }, rate: plenty },
        c: { auth: { token: new Secret(tokenC) }, allow: {}, rate: plenty },
      },
    }),
  });
});
afterAll(() => stand.close());

const mcp = () => `${stand.url}/mcp`;

/** Runs `act` and expects that no call of it reached the server. */
async function unseen<T>(act: () => Promise<T>): Promise<T> {
  const before = stand.upstream.calls.length;
  const done = await act();
  expect(stand.upstream.calls.slice(before)).toEqual([]);
  return done;
}

const encoded = (name: string) => `=?base64?${Buffer.from(name).toString("base64")}?=`;

describe("P1 no spelling of a tool's name but its own is that tool:", () => {
  const spellings: Record<string, (name: string) => string> = {
    "upper case": (name) => name.toUpperCase(),
    "a capital": (name) => name.replace("k", "K"),
    "a space behind": (name) => `${name} `,
    "a space before": (name) => ` ${name}`,
    "a tab": (name) => `${name}\t`,
    "a line break": (name) => `${name}\n`,
    "CR and LF": (name) => `${name}\r\n`,
    "CR and LF before": (name) => `\r\n${name}`,
    "a NUL": (name) => `${name}\0`,
    "a NUL and more": (name) => `${name}\0.txt`,
    "a zero width space": (name) => `${name}\u200b`,
    "a zero width joiner": (name) => name.replace("k", "k\u200d"),
    "a word joiner": (name) => name.replace("k", "k\u2060"),
    "a byte order mark": (name) => `\ufeff${name}`,
    "a soft hyphen": (name) => name.replace("k", "k\u00ad"),
    "a no-break space": (name) => `${name}\u00a0`,
    "a fullwidth letter": (name) => name.replace("k", "\uff4b"),
    "a mathematical letter": (name) => name.replace("k", "\u{1d424}"),
    "a long s (U+017F)": (name) => name.replace("ss", "\u017f\u017f"),
    "a Kelvin sign (U+212A)": (name) => name.replace("k", "\u212a"),
    "a sharp s": (name) => name.replace("ss", "\u00df"),
    "a Cyrillic letter": (name) => name.replace("i", "\u0456"),
    "a dotless i": (name) => name.replace("i", "\u0131"),
    "a combining accent": (name) => name.replace("i", "i\u0301"),
    "a tag character": (name) => `${name}\u{e0041}`,
    "a variation selector": (name) => `${name}\ufe0f`,
    "a bidi override": (name) => `\u202e${name}`,
    "an escape sequence": (name) => `\u001b[0m${name}`,
    "a backspace": (name) => `${name}x\b`,
    "a percent-encoded letter": (name) => name.replace("k", "%6b"),
    "a doubly encoded letter": (name) => name.replace("k", "%256b"),
    "an escaped letter": (name) => name.replace("k", "\\u006b"),
    "an HTML entity": (name) => name.replace("k", "&#107;"),
    traversal: (name) => `secret/../${name}`,
    "traversal up": (name) => `../${name}`,
    "a dot segment": (name) => `./${name}`,
    "a slash behind": (name) => `${name}/`,
    "two slashes": (name) => `//${name}`,
    "policy's own spelling": () => "up/kiss",
    "another prefix": (name) => `x__${name}`,
    "the prefix twice": (name) => `up__up__${name}`,
    "three underscores": (name) => name.replace("kiss", "_kiss"),
    "a glob": (name) => name.replace("kiss", "*"),
    "a glob with a letter": (name) => name.replace("iss", "*"),
    "a question mark": (name) => name.replace("k", "?"),
    "a class": (name) => name.replace("k", "[k]"),
    "any character": (name) => name.replace("kiss", ".*"),
    "a dot": (name) => name.replace("i", "."),
    anchors: (name) => `^${name}$`,
    alternatives: (name) => `${name}|secret`,
    "a line of its own": (name) => `secret\n${name}`,
    "more behind": (name) => `${name}x`,
    "more before": (name) => `x${name}`,
    "less behind": (name) => name.slice(0, -1),
    "a list": (name) => `${name},${name}`,
    quotes: (name) => `"${name}"`,
    "a semicolon": (name) => `${name};`,
    "a query": (name) => `${name}?a=b`,
    "an object": (name) => `{"name":"${name}"}`,
    nothing: () => "",
    __proto__: () => "__proto__",
    constructor: () => "constructor",
    toString: () => "toString",
    hasOwnProperty: () => "hasOwnProperty",
    "four thousand letters": (name) => name + "s".repeat(4_000),
  };

  // Client "b" may use whatever there is: then it must be the list that knows no such name.
  test.each(Object.entries(spellings))("%s", async (_, spell) => {
    for (const [path, own] of [
      ["/mcp", "up__kiss"],
      ["/mcp/up", "kiss"],
    ] as const) {
      for (const token of [tokenA, tokenB]) {
        const ask = (name: string) =>
          post(
            stand.url + path,
            callOf(name, {}, { headers: { "mcp-name": encoded(name) } }),
            token,
          );
        expect(spell(own)).not.toBe(own);
        const answer = await unseen(() => ask(spell(own)));
        expect(answer.json().error?.code).toBe(-32602);
        if (path === "/mcp/up" && token === tokenA) {
          // Outside the two look alike; the record says that it was the policy.
          expect((await stand.records()).at(-1)).toMatchObject({ code: "POLICY_DENIED" });
        }
        const unknown = await ask(own.replace("kiss", "nothing"));
        expect([answer.status, withoutId(answer.text)]).toEqual([200, withoutId(unknown.text)]);
      }
    }
  });

  test.each<[string, unknown]>([
    ["an array", ["up__kiss"]],
    ["an array in an array", [["up__kiss"]]],
    ["an object", { name: "up__kiss" }],
    ["an object that says it is a string", { toString: "up__kiss", length: 8 }],
    ["a number", 7],
    ["true", true],
    ["null", null],
    ["nothing", undefined],
  ])("%s", async (_, name) => {
    const headers = { "mcp-name": "up__kiss" };
    const request = modernRequest("tools/call", { name, arguments: {} }, { headers });
    const answer = await unseen(() => post(mcp(), request));
    expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "PARAMS_INVALID" } });
  });

  test("64 KiB of it", async () => {
    const name = `up__${"kiss".repeat(16_384)}`;
    const { ask } = await openSession(mcp());
    const answer = await unseen(() => ask("tools/call", { name, arguments: {} }));
    const unknown = await ask("tools/call", { name: "up__nothing", arguments: {} });
    expect([answer.status, answer.json().error?.code]).toEqual([200, -32602]);
    expect(withoutId(answer.text)).toBe(withoutId(unknown.text));
    // No header can carry it.
    const raw = rawCall("up__kiss", [["mcp-name", name]]);
    const refused = await unseen(() => sendRaw(stand.port, raw));
    // Beyond its own limit Deno's parser has one status for all it dislikes (docs/deno.md).
    expect(statusOf(refused)).toBe("Deno" in globalThis ? 400 : 431);
  });

  test("and the name itself is passed on as it is", async () => {
    const before = stand.upstream.calls.length;
    expect((await post(mcp(), callOf("up__kiss"))).status).toBe(200);
    const [seen] = stand.upstream.calls.slice(before);
    expect(seen?.headers["mcp-name"]).toBe("kiss");
    expect(JSON.parse(seen?.body ?? "")).toMatchObject({ params: { name: "kiss" } });
  });
});

const canary = "canary-in-the-body";
const good = callOf("up__kiss", { c: canary }).body;
const args = `{"c":"${canary}"}`;
const withArgs = (text: string) => good.replace(args, text);

async function sendBody(body: string | Uint8Array<ArrayBuffer>, headers = {}) {
  const response = await fetch(mcp(), {
    method: "POST",
    headers: { ...callOf("up__kiss").headers, authorization: `Bearer ${tokenA}`, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, text, json: JSON.parse(text) as JsonAnswer };
}

describe("P2 what is not exactly one JSON text in UTF-8 is not parsed:", () => {
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
  const utf16 = Buffer.from(good, "utf16le");
  test.each<[string, string | Uint8Array<ArrayBuffer>]>([
    ["nothing", ""],
    ["white space", " \n"],
    ["half a document", good.slice(0, -1)],
    ["two documents", good + good],
    ["two lines", `${good}\n${good}`],
    ["a document and a word", `${good} x`],
    ["a document and a NUL", `${good}\0`],
    ["a comma at the end of an object", withArgs(`{"c":"${canary}",}`)],
    ["a comma at the end of an array", withArgs('{"c":[1,]}')],
    ["a comment", `/* ${canary} */${good}`],
    ["a comment inside", withArgs(`{/*"c":1,*/"c":"${canary}"}`)],
    ["a line comment", `${good}// x`],
    ["a hash comment", `# x\n${good}`],
    ["NaN", withArgs('{"c":NaN}')],
    ["Infinity", withArgs('{"c":-Infinity}')],
    ["undefined", withArgs('{"c":undefined}')],
    ["True", withArgs('{"c":True}')],
    ["a hexadecimal number", withArgs('{"c":0x10}')],
    ["a zero before a number", withArgs('{"c":01}')],
    ["a plus before a number", withArgs('{"c":+1}')],
    ["a number without its zero", withArgs('{"c":.5}')],
    ["a number with a dot alone", withArgs('{"c":1.}')],
    ["digits with a gap", withArgs('{"c":1_000}')],
    ["single quotes", withArgs("{'c':1}")],
    ["a key without quotes", withArgs("{c:1}")],
    ["an escape of JavaScript", withArgs('{"c":"\\x41"}')],
    ["an escape of a code point", withArgs('{"c":"\\u{41}"}')],
    ["an escaped quote of JavaScript", withArgs(`{"c":"\\'"}`)],
    ["a line break in a string", withArgs('{"c":"a\nb"}')],
    ["a tab in a string", withArgs('{"c":"a\tb"}')],
    ["a NUL in a string", withArgs('{"c":"a\0b"}')],
    ["a form feed between tokens", `\f${good}`],
    ["a no-break space between tokens", `\u00a0${good}`],
    ["a line separator between tokens", `\u2028${good}`],
    ["a byte order mark", `\ufeff${good}`],
    ["a byte order mark behind", `${good}\ufeff`],
    ["UTF-16", Uint8Array.from(utf16)],
    ["UTF-16 with its mark", Uint8Array.from([0xff, 0xfe, ...utf16])],
    ["UTF-16, the big end first", Uint8Array.from(Buffer.from(utf16).swap16())],
    ["UTF-7", "+AHs-" + good],
    ["an overlong slash", bytes(withArgs('{"c":"\xc0\xaf"}'))],
    ["an overlong quote", bytes(withArgs('{"c":"\xc0\xa2,"name":"x"}'))],
    ["an overlong NUL", bytes(withArgs('{"c":"\xc0\x80"}'))],
    ["a surrogate in UTF-8", bytes(withArgs('{"c":"\xed\xa0\x80"}'))],
    ["half a letter", bytes(withArgs('{"c":"\xe2\x82"}'))],
    ["a lone byte", bytes(withArgs('{"c":"\xff"}'))],
    ["Latin-1", bytes(withArgs('{"c":"\xe9"}'))],
    ["beyond Unicode", bytes(withArgs('{"c":"\xf4\x90\x80\x80"}'))],
    ["form fields", `jsonrpc=2.0&method=tools/call&name=up__kiss`],
    ["an event", `data: ${good}\n\n`],
    ["a chunk of chunks", `5\r\n${good}\r\n0\r\n\r\n`],
  ])("%s", async (_, body) => {
    const { status, text, json } = await unseen(() => sendBody(body));
    expect([status, json.error?.code]).toEqual([400, -32700]);
    expect(json).not.toHaveProperty("id");
    expect(text).not.toContain(canary);
  });
});

describe("P2 what two readers could take for two messages is refused:", () => {
  const also = (member: string) => good.replace("{", `{${member},`);
  const alsoIn = (key: string, member: string) =>
    good.replace(`"${key}":{`, `"${key}":{${member},`);
  const meta = '"io.modelcontextprotocol/';
  test.each([
    ["two methods", also('"method":"ping"')],
    ["two ids", also('"id":2')],
    ["two params", also('"params":{"name":"up__secret"}')],
    ["two versions", also('"jsonrpc":"2.0"')],
    ["two names", alsoIn("params", '"name":"up__secret"')],
    ["two equal names", alsoIn("params", '"name":"up__kiss"')],
    ["an escaped second name", alsoIn("params", '"n\\u0061me":"up__secret"')],
    ["an escaped second method", also('"\\u006dethod":"ping"')],
    ["two arguments", alsoIn("params", '"arguments":{}')],
    ["two _meta", alsoIn("params", '"_meta":{}')],
    ["two keys in the arguments", withArgs('{"c":1,"c":2}')],
    ["two keys deep inside", withArgs('{"c":[{"d":{"e":1,"\\u0065":2}}]}')],
    ["two versions in _meta", alsoIn("_meta", `${meta}protocolVersion":"2025-11-25"`)],
    ["__proto__", also('"__proto__":{"method":"ping"}')],
    ["__proto__ in params", alsoIn("params", '"__proto__":{"name":"up__secret"}')],
    ["__proto__ in arguments", withArgs('{"__proto__":{"c":1}}')],
    ["__proto__ in _meta", alsoIn("_meta", '"__proto__":{}')],
    ["__proto__, escaped", withArgs('{"\\u005f_proto__":{"c":1}}')],
    ["half a surrogate pair", withArgs('{"c":"\\ud800"}')],
    ["half a pair as a key", withArgs('{"\\udc00":1}')],
    ["Method beside method", also('"Method":"ping"')],
    ["METHOD alone", good.replace('"method"', '"METHOD"')],
    ["Id beside id", also('"ID":2')],
    ["Params beside params", also('"Params":{"name":"up__secret"}')],
    ["a long s in params", also('"param\u017f":{"name":"up__secret"}')],
    ["a long s, escaped", also('"param\\u017f":{"name":"up__secret"}')],
    ["JsonRpc", also('"JsonRpc":"2.0"')],
    ["Result", also('"Result":{}')],
    ["a result beside the method", also('"result":{}')],
    ["an error beside the method", also('"error":{"code":1,"message":""}')],
    ["Name beside name", alsoIn("params", '"Name":"up__secret"')],
    ["NAME alone", good.replace('"name":"up', '"NAME":"up')],
    ["a fullwidth letter in name", alsoIn("params", '"\uff4eame":"up__secret"')],
    ["Arguments beside arguments", alsoIn("params", '"Arguments":{}')],
    ["a long s in arguments", alsoIn("params", '"argument\u017f":{}')],
    ["_Meta beside _meta", alsoIn("params", '"_Meta":{}')],
    ["Uri in a call", alsoIn("params", '"URI":"file:///etc/passwd"')],
    ["capabilities in another case", alsoIn("_meta", `${meta}ClientCapabilities":{"roots":{}}`)],
    ["client info in another case", alsoIn("_meta", `${meta}clientinfo":{"name":"x"}`)],
    ["a version in another case", alsoIn("_meta", `${meta}ProtocolVersion":"2025-11-25"`)],
    ["a log level in another case", alsoIn("_meta", `${meta}LogLevel":"debug"`)],
    ["a progress token in another case", alsoIn("_meta", '"ProgressToken":1')],
    ["a long s in a key of _meta", alsoIn("_meta", '"progre\u017fsToken":1')],
    ["a message in a message", `{"message":${good}}`],
    ["a message in a string", JSON.stringify(good)],
    ["a number", "7"],
    ["null", "null"],
    ["another version", good.replace('"2.0"', '"1.0"')],
    ["a version that is a number", good.replace('"2.0"', "2.0")],
    ["no version", good.replace('"jsonrpc":"2.0",', "")],
    ["a null id", good.replace('"id":1', '"id":null')],
    ["a fraction as id", good.replace('"id":1', '"id":1.5')],
    ["an exponent as id", good.replace('"id":1', '"id":1e0')],
    ["true as id", good.replace('"id":1', '"id":true')],
    ["an array as id", good.replace('"id":1', '"id":[1]')],
    ["an object as id", good.replace('"id":1', '"id":{}')],
    ["params in an array", good.replace(/"params":\{.*\}\}/, '"params":["up__kiss"]}')],
  ])("%s", async (_, body) => {
    expect(body).not.toBe(good);
    const { status, text, json } = await unseen(() => sendBody(body));
    expect([status, json.error?.code]).toEqual([400, -32600]);
    expect(text).not.toContain(canary);
  });

  test("a key that is a known one in another case, in a completion", async () => {
    const ref = { type: "ref/resource", uri: "up+docs://pub/{x}" };
    const argument = { name: "x", value: "" };
    for (const params of [
      { ref: { ...ref, URI: "up+docs://priv/{x}" }, argument },
      { ref: { ...ref, Type: "ref/prompt" }, argument },
      { ref, argument: { ...argument, Name: "y" } },
      { ref, argument, Ref: ref },
      { ref, argument, ARGUMENT: argument },
    ]) {
      const answer = await unseen(() => post(mcp(), modernRequest("completion/complete", params)));
      expect([answer.status, answer.json().error?.code]).toEqual([400, -32600]);
    }
  });
});

describe("P2 what goes on is in the gateway's own envelope:", () => {
  async function forwarded(body: string): Promise<string> {
    const before = stand.upstream.calls.length;
    expect((await sendBody(body)).status).toBe(200);
    const seen = stand.upstream.calls.slice(before);
    expect(seen).toHaveLength(1);
    return seen[0]?.body ?? "";
  }

  test("members that are none of JSON-RPC's stay behind", async () => {
    const nested = callOf("up__secret").body;
    for (const key of ["message", "request", "body", "payload", "messages", "auth"]) {
      const body = good.replace("{", `{"${key}":[${nested}],`);
      expect(await forwarded(body)).not.toContain("secret");
    }
  });

  test("escaped keys are read as what they are, by every reader", async () => {
    const escaped = good
      .replace('"method"', '"m\\u0065thod"')
      .replace('"name":"up__kiss"', '"n\\u0061me":"up__k\\u0069ss"');
    const body = await forwarded(escaped);
    expect(body).toMatch(/^\{"jsonrpc":"2\.0","id":\d+,"method":"tools\/call","params":\{/);
    expect(JSON.parse(body)).toMatchObject({ params: { name: "kiss", arguments: { c: canary } } });
  });

  test("the caller's id stays behind", async () => {
    const body = await forwarded(good.replace('"id":1', '"id":"up__secret"'));
    expect(body).not.toContain("secret");
    expect(typeof (JSON.parse(body) as { id: unknown }).id).toBe("number");
  });

  test("constructor and prototype are keys like any other", async () => {
    const own = '{"constructor":{"prototype":{"a":1}},"toString":1,"hasOwnProperty":null}';
    expect(await forwarded(withArgs(own))).toContain(own);
    expect(Object.prototype).not.toHaveProperty("a");
  });
});

describe("P3 a batch is refused as a whole:", () => {
  const bad = callOf("up__secret").body;
  const batches: [string, string][] = [
    ["of one", `[${good}]`],
    ["of an allowed and a forbidden call", `[${good},${bad}]`],
    ["of a call and a notification", `[${good},{"jsonrpc":"2.0","method":"notifications/x"}]`],
    ["of none", "[]"],
    ["in a batch", `[[${good}]]`],
    ["after white space", ` \r\n\t[${good}]`],
    ["of 5,000", `[${Array.from({ length: 5_000 }, () => good).join(",")}]`],
    ["of nothing but brackets", "[".repeat(5_000) + "]".repeat(5_000)],
  ];
  test.each(batches)("%s", async (_, body) => {
    const records = (await stand.records()).length;
    const { status, text, json } = await unseen(() => sendBody(body));
    expect([status, json.error?.code]).toEqual([400, -32600]);
    expect(text).not.toContain(canary);
    expect(text.length).toBeLessThan(1_000);
    expect((await stand.records()).length).toBe(records + 1);
  });

  test.each(["2025-03-26", "2025-11-25"])("in a session of %s", async (revision) => {
    const session = await openSession(mcp(), tokenA, revision);
    const one = (id: number) => ({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: "up__kiss", arguments: {} },
    });
    for (const batch of [[one(1)], [one(1), one(2)], []]) {
      const answer = await unseen(() => session.send(batch));
      expect([answer.status, answer.json().error?.code]).toEqual([400, -32600]);
    }
  });
});

describe("P4 a method is known or refused:", () => {
  const call = { name: "up__kiss", arguments: {} };
  const unknown = [
    "Tools/call",
    "TOOLS/CALL",
    "tools/Call",
    "tools/call ",
    " tools/call",
    "tools/call\n",
    "tools/call\0",
    "tools/call/",
    "/tools/call",
    "tools//call",
    "tools/./call",
    "tools/list/../call",
    "tools.call",
    "tools\\call",
    "tools%2Fcall",
    "tools/cal\u217c",
    "tool\u017f/call",
    "tools/call\u200b",
    "tools/*",
    "tools/.*",
    "tools/up__kiss",
    "up__kiss",
    "kiss",
    "call",
    "",
    "*",
    "rpc.discover",
    "system.multicall",
    "__proto__",
    "constructor",
    "toString",
    "tools/execute",
    "tools/delete",
    "resources/write",
    "prompts/call",
    "admin/reload",
    "policy/set",
    "sampling/createMessage",
    "elicitation/create",
    "roots/list",
    "notifications/cancelled",
    "notifications/message",
    "notifications/tools/list_changed",
    "x".repeat(4_000),
  ];
  test.each(unknown)("%j", async (method) => {
    const headers = { "mcp-method": method };
    const isPlain = /^([!-~]([\t -~]*[!-~])?)?$/.test(method);
    const request = modernRequest(method, call, isPlain ? { headers } : {});
    if (!isPlain) delete request.headers["mcp-method"];
    const modern = await unseen(() => post(mcp(), request));
    // A method that no header can hold is refused for that.
    expect([modern.status, modern.json().error?.code]).toEqual(
      isPlain ? [404, -32601] : [400, -32020],
    );
    const session = await openSession(mcp());
    const legacy = await unseen(() => session.ask(method, call));
    expect([legacy.status, legacy.json().error?.code]).toEqual([200, -32601]);
  });

  test.each<[string, unknown]>([
    ["a number", 7],
    ["null", null],
    ["an array", ["tools/call"]],
    ["an object", { method: "tools/call" }],
    ["true", true],
  ])("%s", async (_, method) => {
    const body = good.replace('"tools/call"', JSON.stringify(method));
    const { status, json } = await unseen(() => sendBody(body));
    expect([status, json.error?.code]).toEqual([400, -32600]);
  });

  test("of the other era", async () => {
    for (const method of ["initialize", "ping", "notifications/initialized"]) {
      const answer = await unseen(() => post(mcp(), modernRequest(method, call)));
      expect([answer.status, answer.json().error?.code]).toEqual([404, -32601]);
    }
    const { ask } = await openSession(mcp());
    const answer = await unseen(() => ask("server/discover"));
    expect(answer.json().error?.code).toBe(-32601);
  });
});

describe("P4 what must have an answer is no notification:", () => {
  const methods = ["tools/call", "tools/list", "resources/read", "prompts/get", "initialize"];
  test.each([...methods, "completion/complete"])("%s", async (method) => {
    const own = { name: "up__kiss", uri: "up+docs://pub/a", arguments: {} };
    const params = { ...own, protocolVersion: "2025-11-25", capabilities: {} };
    const { headers, body } = modernRequest(method, params);
    const modern = await unseen(() => sendBody(body.replace('"id":1,', ""), headers));
    expect(modern.status).toBe(400);
    const { send } = await openSession(mcp());
    const legacy = await unseen(() => send({ jsonrpc: "2.0", method, params }));
    expect([legacy.status, legacy.json().error?.code]).toEqual([400, -32600]);
  });
});

describe("P4 an answer to what nobody asked goes nowhere:", () => {
  test.each([
    ["a result", '"result":{}'],
    ["a result with content", '"result":{"action":"accept","content":{"a":1}}'],
    ["an error", '"error":{"code":-32603,"message":"no"}'],
    ["an error without an id", '"error":{"code":-32603,"message":"no"},"id":null'],
    ["neither", '"x":1'],
    ["both", '"result":{},"error":{"code":1,"message":"x"}'],
  ])("%s", async (_, members) => {
    const { send } = await openSession(mcp());
    // The gateway's own ids at its upstreams are small integers.
    for (const id of ["0", "1", "2", "3", '"1"', '"gw-1"']) {
      const own = members.includes('"id"') ? "" : `"id":${id},`;
      const body = `{"jsonrpc":"2.0",${own}${members}}`;
      const legacy = await unseen(() => send(body));
      expect(legacy.status).toBe(400);
      const modern = await unseen(() => sendBody(body));
      expect([modern.status, modern.json.error?.code]).toEqual([400, -32600]);
    }
  });

  test("notifications that a client may send end at the gateway", async () => {
    const { send } = await openSession(mcp());
    for (const method of [
      "notifications/initialized",
      "notifications/cancelled",
      "notifications/progress",
      "notifications/roots/list_changed",
    ]) {
      const params = { requestId: 1, progressToken: 1, progress: 1 };
      const answer = await unseen(() => send({ jsonrpc: "2.0", method, params }));
      expect([answer.status, answer.text]).toEqual([202, ""]);
    }
    for (const method of ["notifications/message", "notifications/tools/list_changed", "x"]) {
      const answer = await unseen(() => send({ jsonrpc: "2.0", method, params: {} }));
      expect([answer.status, answer.json().error?.code]).toEqual([400, -32600]);
    }
  });
});

describe("P5 headers unlike the body are refused:", () => {
  const zone = { region: "eu" };
  const request = () => callOf("up__zone", zone, { headers: { "mcp-param-region": "eu" } });
  test.each<[string, Record<string, string | undefined>]>([
    ["no Mcp-Method", { "mcp-method": undefined }],
    ["another Mcp-Method", { "mcp-method": "tools/list" }],
    ["an Mcp-Method in another case", { "mcp-method": "Tools/Call" }],
    ["no Mcp-Name", { "mcp-name": undefined }],
    ["another Mcp-Name", { "mcp-name": "up__kiss" }],
    ["an empty Mcp-Name", { "mcp-name": "" }],
    ["an Mcp-Name in another case", { "mcp-name": "UP__ZONE" }],
    ["an Mcp-Name in percent encoding", { "mcp-name": "up__%7Aone" }],
    ["an Mcp-Name that decodes to another", { "mcp-name": encoded("up__kiss") }],
    ["an Mcp-Name that decodes to itself encoded", { "mcp-name": encoded(encoded("up__zone")) }],
    ["an Mcp-Name in bad Base64", { "mcp-name": "=?base64?dXBfX3pvbmU?=" }],
    ["an Mcp-Name in Base64 for URLs", { "mcp-name": "=?base64?dXBfX3pvbm-_?=" }],
    ["an Mcp-Name in bad UTF-8", { "mcp-name": "=?base64?/w==?=" }],
    ["an Mcp-Name in Q encoding", { "mcp-name": "=?utf-8?q?up=5f=5fzone?=" }],
    ["no MCP-Protocol-Version", { "mcp-protocol-version": undefined }],
    ["another MCP-Protocol-Version", { "mcp-protocol-version": "2025-11-25" }],
    ["two MCP-Protocol-Versions", { "mcp-protocol-version": "2026-07-28;2025-11-25" }],
    ["no parameter header", { "mcp-param-region": undefined }],
    ["another parameter header", { "mcp-param-region": "us" }],
    ["a parameter header in another case", { "mcp-param-region": "EU" }],
    ["an empty parameter header", { "mcp-param-region": "" }],
    ["a parameter header that decodes to another", { "mcp-param-region": encoded("us") }],
    ["a parameter header in bad Base64", { "mcp-param-region": "=?base64?!?=" }],
  ])("%s", async (_, changed) => {
    const { headers, body } = request();
    const kept = Object.entries({ ...headers, ...changed }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const answer = await unseen(() => post(mcp(), { headers: Object.fromEntries(kept), body }));
    expect([answer.status, answer.json().error?.code]).toEqual([400, -32020]);
  });

  test("a parameter header for what the body does not hold", async () => {
    const headers = { "mcp-param-region": "eu" };
    for (const args of [{}, { region: null }]) {
      const answer = await unseen(() => post(mcp(), callOf("up__zone", args, { headers })));
      expect([answer.status, answer.json().error?.code]).toEqual([400, -32020]);
    }
  });

  test.each([
    ["mcp-method", "tools/call", "tools/list"],
    ["mcp-name", "up__kiss", "up__secret"],
    ["mcp-protocol-version", "2026-07-28", "2025-11-25"],
    ["mcp-param-region", "eu", "us"],
    ["mcp-session-id", "a", "b"],
    ["content-type", "application/json", "text/plain"],
  ])("%s twice, equal or not", async (name, one, other) => {
    for (const pair of [
      [one, one],
      [one, other],
      [other, one],
    ]) {
      const headers = pair.map((value) => [name, value] as const);
      // A tool that declares the header: Deno joins the two, and the comparison refuses them.
      const own = name === "mcp-param-region" ? callOf("up__zone", zone) : callOf("up__kiss");
      const replaced = [
        ...headers,
        ["content-length", String(Buffer.byteLength(own.body))] as const,
        ...(name === "mcp-name" ? [] : [["mcp-name", own.headers["mcp-name"] ?? ""] as const]),
      ];
      const bytes = rawCall("up__kiss", replaced);
      const raw = bytes.slice(0, bytes.indexOf("\r\n\r\n") + 4) + own.body;
      expect(statusOf(await unseen(() => sendRaw(stand.port, raw)))).toBe(400);
    }
  });

  test("in a session, where they need not be sent", async () => {
    const { session } = await openSession(mcp());
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "up__kiss" } };
    for (const lie of [
      { "mcp-name": "up__zone" },
      { "mcp-method": "tools/list" },
      { "mcp-protocol-version": "2025-06-18" },
    ]) {
      const headers = { "content-type": "application/json", "mcp-session-id": session, ...lie };
      const answer = await unseen(() => post(mcp(), { headers, body: JSON.stringify(message) }));
      expect([answer.status, answer.json().error?.code]).toEqual([400, -32020]);
    }
  });

  test("and with them in agreement the call goes on", async () => {
    const before = stand.upstream.calls.length;
    expect((await post(mcp(), request())).status).toBe(200);
    expect(stand.upstream.calls.at(before)?.headers["mcp-param-region"]).toBe("eu");
  });
});

describe("P6 a resource is its normal URI and nothing else:", () => {
  const uris = [
    "docs://priv/a",
    "DOCS://pub/a",
    "Docs://pub/a",
    "docs://PUB/a",
    "docs://pub/../priv/a",
    "docs://pub/./a",
    "docs://pub/..",
    "docs://pub/%2e%2e/priv/a",
    "docs://pub/%2E%2E/priv/a",
    "docs://pub/..%2Fpriv%2Fa",
    "docs://pub/..%5Cpriv",
    "docs://pub/%252e%252e/priv",
    "docs://pub/..;/priv",
    "docs://pub//a",
    "docs://pub\\a",
    "docs://pub/..\\priv",
    "docs://pub/%70riv",
    "docs://pub/a%00",
    "docs://pub/a\0",
    "docs://pub/a%0d%0aX",
    "docs://pub/a\r\nX",
    "docs://pub/a b",
    " docs://pub/a",
    "docs://pub/a\n",
    "docs://pub/\u200ba",
    "docs://pub/\uff0e\uff0e/priv",
    "docs://pub/%c0%ae%c0%ae/priv",
    "docs://pub/{y}",
    "docs://pub/?x=/../../priv",
    "docs://pub/a#/../../priv",
    "docs:/pub/a",
    "docs:pub/a",
    "docs:///pub/a",
    "docs://user@pub/a",
    "docs://pub@evil/a",
    "docs://pub:80@evil/a",
    "docs://pub.evil/a",
    "file:///etc/passwd",
    "file:///pub/../etc/passwd",
    "file:///pub/%2e%2e/etc/passwd",
    "file://localhost/pub/a",
    "file://evil/pub/a",
    "file:/pub/a",
    "FILE:///pub/a",
    "file:///PUB/a",
    "file:///pub/a?x",
    "file:///pub/a#x",
    "file:////pub/a",
    "file:///pub/C:/../../etc",
    "https://docs.example.com@evil.com/",
    "https://docs.example.com:x@evil.com/",
    "https://docs.example.com.evil.com/",
    "https://docs.example.com./a",
    "https://docs.example.com:443/a",
    "https://docs.example.com:8443/a",
    "https://DOCS.example.com/a",
    "https://docs%2eexample.com/a",
    "https://docs\u3002example.com/a",
    "https:docs.example.com/a",
    "https:\\\\docs.example.com\\a",
    "https://docs.example.com\\@evil.com/",
    "https://docs.example.com",
    "http://docs.example.com/a",
    "javascript:alert(1)",
    "data:text/plain,x",
    "up/docs://pub/a",
    "*",
    "",
    "__proto__",
  ];
  test.each(uris)(
    "%j",
    async (uri) => {
      for (const [path, prefix] of [
        ["/mcp", "up+"],
        ["/mcp/up", ""],
      ] as const) {
        const shown = prefix + uri;
        const headers = { "mcp-name": encoded(shown) };
        const read = modernRequest("resources/read", { uri: shown }, { headers });
        const answer = await unseen(() => post(stand.url + path, read));
        expect([answer.status, answer.json().error?.code]).toEqual([200, -32602]);
        expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
        const ref = { type: "ref/resource", uri: shown };
        const argument = { name: "x", value: "" };
        const completion = modernRequest("completion/complete", { ref, argument });
        const completed = await unseen(() => post(stand.url + path, completion));
        expect(completed.json().error?.code).toBe(-32602);
      }
      const session = await openSession(mcp());
      const legacy = await unseen(() => session.ask("resources/read", { uri: `up+${uri}` }));
      expect([legacy.status, legacy.json().error?.code]).toEqual([200, -32002]);
      for (const method of ["resources/subscribe", "resources/unsubscribe"]) {
        const followed = await unseen(() => session.ask(method, { uri: `up+${uri}` }));
        expect(followed.json()).not.toHaveProperty("result.content");
      }
    },
    10_000,
  );

  test("and that one is read", async () => {
    const before = stand.upstream.calls.length;
    for (const uri of ["docs://pub/a", "file:///pub/a", "https://docs.example.com/a"]) {
      const answer = await post(mcp(), modernRequest("resources/read", { uri: `up+${uri}` }));
      expect(answer.json().result).toBeDefined();
    }
    expect(stand.upstream.calls.slice(before)).toHaveLength(3);
  });
});

describe("P6 no other method leads past the policy:", () => {
  test("lists hold what may be used and nothing else", async () => {
    const ask = async (method: string, token: string) =>
      (await post(`${stand.url}/mcp/up`, modernRequest(method), token)).text;
    expect(await ask("tools/list", tokenA)).not.toContain("secret");
    expect(await ask("resources/list", tokenA)).not.toMatch(/:\/\/priv|passwd/);
    expect(await ask("resources/templates/list", tokenA)).not.toMatch(/:\/\/priv|etc/);
    expect(await ask("tools/list", tokenB)).toContain("secret");
    expect(await ask("resources/list", tokenB)).toContain("passwd");
  });

  const forbidden: [string, object][] = [
    ["tools/call", { name: "up__kiss", arguments: {} }],
    ["resources/read", { uri: "up+docs://pub/a" }],
    ["prompts/get", { name: "up__greet" }],
    ["completion/complete", { ref: { type: "ref/prompt", name: "up__greet" }, argument: {} }],
    [
      "completion/complete",
      { ref: { type: "ref/resource", uri: "up+docs://pub/{x}" }, argument: { name: "x" } },
    ],
    ["resources/subscribe", { uri: "up+docs://pub/a" }],
    ["resources/unsubscribe", { uri: "up+docs://pub/a" }],
    ["tasks/get", { taskId: "1" }],
    ["tasks/list", {}],
    ["tasks/result", { taskId: "1" }],
    ["tasks/cancel", { taskId: "1" }],
    ["tasks/update", { taskId: "1" }],
    ["logging/level", { level: "debug" }],
  ];
  test.each(forbidden)("%s by one who may do nothing", async (method, params) => {
    // A task is named in the headers as well, by one who says that it knows of tasks.
    const headers = "taskId" in params ? { "mcp-name": "1" } : {};
    const extensions = { "io.modelcontextprotocol/tasks": {} };
    const meta = { "io.modelcontextprotocol/clientCapabilities": { extensions } };
    const own = params as Record<string, unknown>;
    const request = modernRequest(method, own, { headers, meta });
    const modern = await unseen(() => post(mcp(), request, tokenC));
    expect([-32601, -32602]).toContain(modern.json().error?.code);
    const { ask } = await openSession(mcp(), tokenC);
    const legacy = await unseen(() => ask(method, params));
    if (legacy.json().error === undefined) {
      // What has nothing to tell may be granted; it tells nothing.
      expect([method, legacy.json().result]).toEqual(["resources/unsubscribe", {}]);
    } else expect([-32601, -32602, -32002]).toContain(legacy.json().error?.code);
  });

  test("lists of one who may do nothing are empty, and no server is asked", async () => {
    const before = stand.upstream.all.length;
    for (const [method, list] of [
      ["tools/list", "tools"],
      ["resources/list", "resources"],
      ["resources/templates/list", "resourceTemplates"],
      ["prompts/list", "prompts"],
    ] as const) {
      const answer = await post(mcp(), modernRequest(method), tokenC);
      expect(answer.json().result?.[list]).toEqual([]);
    }
    expect(stand.upstream.all.slice(before)).toEqual([]);
  });

  test("a reference of another type, or of none", async () => {
    const argument = { name: "x", value: "" };
    for (const ref of [
      { type: "ref/tool", name: "up__secret" },
      { type: "ref/resource", uri: ["up+docs://pub/{x}"] },
      { type: ["ref/resource"], uri: "up+docs://pub/{x}" },
      { type: "REF/RESOURCE", uri: "up+docs://pub/{x}" },
      { uri: "up+docs://pub/{x}" },
      "up+docs://pub/{x}",
      null,
    ]) {
      const request = modernRequest("completion/complete", { ref, argument });
      const answer = await unseen(() => post(mcp(), request));
      expect(answer.json().error?.code).toBe(-32602);
    }
  });
});

test("P6 a prompt is listed, got and completed by those who may use it alone", async () => {
  const server = await startFake(({ id, method }, response) => {
    const cacheable = '"resultType":"complete","ttlMs":0,"cacheScope":"private"';
    const capabilities = '"capabilities":{"prompts":{},"completions":{}}';
    const answers: Record<string, string> = {
      "server/discover": `{"supportedVersions":["2026-07-28"],${capabilities},${cacheable}}`,
      "prompts/list": `{"prompts":[{"name":"greet"},{"name":"secret"}],${cacheable}}`,
    };
    const done = '{"messages":[],"completion":{"values":[]},"resultType":"complete"}';
    sendJson(response, result(id, answers[method] ?? done));
  });
  const gateway = await runGateway({
    upstreams: { up: { url: server.url } },
    clients: { a: { auth: authA, allow: { prompts: ["up/greet"] } } },
  });
  const url = `${gateway.url}/mcp`;
  const used = () => server.methods().filter((method) => /get|complete$/.test(method)).length;
  const complete = (name: string) =>
    modernRequest("completion/complete", {
      ref: { type: "ref/prompt", name },
      argument: { name: "x", value: "" },
    });
  const list = await post(url, modernRequest("prompts/list"));
  expect(list.text).toContain("up__greet");
  expect(list.text).not.toContain("secret");
  for (const name of ["up__secret", "up__Greet", "up__greet\u200b", "up__nothing", "greet"]) {
    const headers = { "mcp-name": encoded(name) };
    const got = await post(url, modernRequest("prompts/get", { name }, { headers }));
    expect(got.json().error).toMatchObject({ code: -32602, data: { code: "TARGET_UNKNOWN" } });
    expect((await post(url, complete(name))).json().error?.code).toBe(-32602);
  }
  expect(used()).toBe(0);
  expect((await post(url, modernRequest("prompts/get", { name: "up__greet" }))).status).toBe(200);
  expect((await post(url, complete("up__greet"))).status).toBe(200);
  expect(used()).toBe(2);
  await gateway.close();
  await server.close();
});

describe("P7 the gateway fetches no URI of anybody:", () => {
  let victim: Server;
  let port = 0;
  let hits = 0;
  beforeAll(async () => {
    victim = createServer((_, response) => {
      hits += 1;
      response.end("internal");
    });
    await new Promise<void>((resolve) => victim.listen(0, "127.0.0.1", resolve));
    port = (victim.address() as AddressInfo).port;
  });
  afterAll(() => {
    victim.closeAllConnections();
    victim.close();
  });

  const read = (uri: string, token: string) => {
    const shown = `up+${uri}`;
    const headers = { "mcp-name": encoded(shown) };
    return post(mcp(), modernRequest("resources/read", { uri: shown }, { headers }), token);
  };
  const disguised = [
    "http://169.254.169.254:80/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/",
    "http://0xa9.0xfe.0xa9.0xfe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://169.254.169.254./",
    "http://169\u3002254.169.254/",
    "http://\u2460\u2461\u2466.0.0.1/",
    "http://user@169.254.169.254/",
    "http://127.1:PORT/",
    "http://0:PORT/",
    "http://0x7f000001:PORT/",
    "http://2130706433:PORT/",
    "http://017700000001:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://LOCALHOST:PORT/",
    "http:127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT\\",
    "HTTP://127.0.0.1:PORT/",
  ];
  const plain = [
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://[::1]:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "gopher://127.0.0.1:PORT/_GET",
    "dict://127.0.0.1:PORT/info",
    "ftp://127.0.0.1:PORT/a",
    "ws://127.0.0.1:PORT/",
    "ldap://127.0.0.1:PORT/a",
  ];
  test.each([...disguised, ...plain])("%s, for one who may not read it", async (uri) => {
    const answer = await unseen(() => read(uri.replace("PORT", String(port)), tokenA));
    expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "TARGET_UNKNOWN" } });
    expect(hits).toBe(0);
  });

  test.each(disguised)("%s, which nobody may spell so", async (uri) => {
    const answer = await unseen(() => read(uri.replace("PORT", String(port)), tokenB));
    expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
  });

  test.each(plain)("%s, which is a name for its server alone", async (uri) => {
    const before = stand.upstream.calls.length;
    const own = uri.replace("PORT", String(port));
    expect((await read(own, tokenB)).json().result).toBeDefined();
    const [seen] = stand.upstream.calls.slice(before);
    expect(JSON.parse(seen?.body ?? "")).toMatchObject({ params: { uri: own } });
    expect(hits).toBe(0);
  });

  test("nor one in arguments or in what a server answers", async () => {
    const url = `http://127.0.0.1:${port}/`;
    const linked = await openStand({
      upstream: {
        tools: () => [
          `{"name":"link","icons":[{"src":"${url}"}],"inputSchema":{"type":"object","properties":{"u":{"$ref":"${url}"}}}}`,
          anyTool("plain"),
        ],
        result: () =>
          `{"content":[{"type":"resource_link","uri":"${url}","name":"x"},{"type":"text","text":"${url}"}],"resultType":"complete"}`,
      },
      config: (upstream) => ({
        upstreams: { up: { url: upstream } },
        clients: { a: { auth: authA, allow: allowAll } },
      }),
    });
    await post(`${linked.url}/mcp`, modernRequest("tools/list"));
    for (const name of ["up__link", "up__plain"]) {
      await post(`${linked.url}/mcp`, callOf(name, { u: url, url }));
    }
    expect(hits).toBe(0);
    await linked.close();
  });
});

describe("P8 what a caller says of itself changes nothing:", () => {
  const info = "io.modelcontextprotocol/clientInfo";
  test.each<[string, { headers?: Record<string, string>; meta?: Record<string, unknown> }]>([
    ["clientInfo", { meta: { [info]: { name: "a", version: "1" } } }],
    ["clientInfo with roles", { meta: { [info]: { name: "a", roles: ["admin"], admin: true } } }],
    ["_meta", { meta: { client: "a", "mcp-gw/client": "a", sub: "a", roles: ["admin"] } }],
    ["X-Forwarded-User", { headers: { "x-forwarded-user": "a" } }],
    ["X-Client", { headers: { "x-client-id": "a", "x-client-name": "a", "x-mcp-client": "a" } }],
    ["X-Role", { headers: { "x-role": "admin", "x-roles": "admin", "x-admin": "true" } }],
    ["User-Agent", { headers: { "user-agent": "a" } }],
    ["From", { headers: { from: "a" } }],
    ["a method override", { headers: { "x-http-method-override": "GET", "x-method": "PUT" } }],
    ["a path override", { headers: { "x-original-url": "/livez", "x-rewrite-url": "/livez" } }],
    ["a cookie", { headers: { cookie: "client=a; admin=1" } }],
  ])("%s", async (_, options) => {
    const answer = await unseen(() => post(mcp(), callOf("up__kiss", {}, options), tokenC));
    expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
    expect((await stand.records()).at(-1)).toMatchObject({ client: "c", decision: "denied" });
    const before = stand.upstream.calls.length;
    expect((await post(mcp(), callOf("up__kiss", {}, options), tokenA)).status).toBe(200);
    expect((await stand.records()).at(-1)).toMatchObject({ client: "a" });
    const [seen] = stand.upstream.calls.slice(before);
    for (const name of Object.keys(options.headers ?? {})) {
      if (name !== "user-agent") expect(seen?.headers[name]).toBeUndefined();
    }
    // The server hears who the gateway is, and what the caller said of itself not in its place.
    expect(JSON.parse(seen?.body ?? "")).toMatchObject({
      params: { _meta: { [info]: { name: "mcp-gw" } } },
    });
  });

  test("clientInfo of initialize", async () => {
    const headers = { "content-type": "application/json" };
    const clientInfo = { name: "a", version: "1" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
    const opened = await post(mcp(), { headers, body }, tokenC);
    const session = opened.headers.get("mcp-session-id") ?? "";
    const call = {
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "up__kiss", arguments: {} },
    };
    const request = {
      headers: { ...headers, "mcp-session-id": session },
      body: JSON.stringify(call),
    };
    const answer = await unseen(() => post(mcp(), request, tokenC));
    expect(answer.json().error?.data.code).toBe("TARGET_UNKNOWN");
    // And the session is of no use to the one it names.
    expect((await unseen(() => post(mcp(), request, tokenA))).status).toBe(404);
  });

  test("a method in the query or in a header", async () => {
    for (const method of ["GET", "HEAD", "PUT"]) {
      const response = await unseen(() =>
        fetch(`${mcp()}?_method=POST&method=POST`, {
          method,
          headers: { authorization: `Bearer ${tokenA}`, "x-http-method-override": "POST" },
        }),
      );
      expect([400, 404, 405, 415]).toContain(response.status);
    }
    const { session } = await openSession(mcp());
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
    const request = {
      headers: {
        "content-type": "application/json",
        "mcp-session-id": session,
        "x-http-method-override": "DELETE",
      },
      body: JSON.stringify(ping),
    };
    for (let time = 0; time < 2; time++) expect((await post(mcp(), request)).status).toBe(200);
  });
});

describe("P9 no pattern of anybody holds the gateway up:", () => {
  const letters = "a".repeat(30_000);
  const nest = (depth: number): string =>
    depth === 0
      ? '{"type":"string"}'
      : `{"anyOf":[${nest(depth - 1)},${nest(depth - 1)},{"allOf":[${nest(depth - 1)}]}]}`;
  const chain = (word: string) =>
    Array.from(
      { length: 30 },
      (_, at) =>
        `"d${at}":{"${word}":[{"$ref":"#/$defs/d${at + 1}"},{"$ref":"#/$defs/d${at + 1}"}]}`,
    ).join(",");
  const tool = (name: string, property: string, rest = "") =>
    `{"name":"${name}","inputSchema":{"type":"object","properties":{"s":${property}}${rest}}}`;
  const tools = [
    tool("plus", '{"pattern":"^(a+)+$"}'),
    tool("either", '{"pattern":"^(a|a)*$"}'),
    tool("back", '{"pattern":"^(a+)\\\\1*$"}'),
    tool("look", '{"pattern":"^(?=(a+)+$)x"}'),
    tool("counted", '{"pattern":"^(a{1,900}){1,900}$"}'),
    tool("keys", '{"patternProperties":{"^(a+)+$":{"type":"null"}},"additionalProperties":false}'),
    tool("names", '{"propertyNames":{"pattern":"^(a+)+$"}}'),
    tool("self", '{"$ref":"#/$defs/s"}', ',"$defs":{"s":{"$ref":"#/$defs/s"}}'),
    tool("ring", '{"$ref":"#/$defs/s"}', ',"$defs":{"s":{"anyOf":[{"$ref":"#/$defs/s"}]}}'),
    tool("all", '{"$ref":"#/$defs/d0"}', `,"$defs":{${chain("allOf")},"d30":{"type":"null"}}`),
    tool("any", '{"$ref":"#/$defs/d0"}', `,"$defs":{${chain("anyOf")},"d30":{"type":"null"}}`),
    tool("one", '{"$ref":"#/$defs/d0"}', `,"$defs":{${chain("oneOf")},"d30":{"type":"null"}}`),
    tool("nested", nest(7)),
    tool("unique", '{"uniqueItems":true}'),
    tool("ruled", "{}"),
    tool("globbed", "{}"),
    tool("numbered", "{}"),
  ];
  let slow: Stand;
  const stars = "*a".repeat(100);
  const template = `x:///${"{+a}".repeat(60)}b`;
  beforeAll(async () => {
    slow = await openStand({
      upstream: {
        tools: () => tools,
        templates: [`{"uriTemplate":"${template}","name":"x"}`],
        result: () => '{"content":[],"completion":{"values":[]},"resultType":"complete"}',
      },
      config: (url) => ({
        upstreams: { up: { url } },
        clients: {
          a: {
            auth: authA,
            allow: {
              tools: tools.map((each) => `up/${/"name":"(\w+)"/.exec(each)?.[1]}`),
              resources: [`up/x:///${stars}b`],
              prompts: [`up/${stars}b`],
            },
            rate: plenty,
          },
          b: { auth: authB, allow: { tools: [`up/${stars}b`] }, rate: plenty },
        },
        rules: [
          {
            name: "m",
            on: "up/ruled",
            when: { args: { s: { matches: "^(a+)+$" } } },
            then: "deny",
          },
          {
            name: "g",
            on: "up/globbed",
            when: { args: { s: { glob: `${stars}b` } } },
            then: "deny",
          },
          { name: "n", on: "up/numbered", when: { args: { s: { min: 1 } } }, then: "deny" },
        ],
      }),
    });
    await post(`${slow.url}/mcp`, modernRequest("tools/list"));
  });
  afterAll(() => slow.close());

  async function withinTwoSeconds<T>(act: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const done = await act();
    expect(performance.now() - from).toBeLessThan(2_000);
    return done;
  }

  test.each(tools.map((each) => /"name":"(\w+)"/.exec(each)?.[1] ?? ""))(
    "the schema or rule of %s",
    async (name) => {
      const deep = Array.from({ length: 2_000 }, (_, at) => [at]);
      const values = [`${letters}!`, { [`${letters}!`]: 1 }, deep, letters];
      for (const s of values) {
        const answer = await withinTwoSeconds(() =>
          post(`${slow.url}/mcp/up`, callOf(name, { s })),
        );
        // A call, or a refusal: never an error of our own.
        expect(answer.status).toBe(200);
        expect(answer.text).not.toMatch(/"INTERNAL"|Maximum call stack/);
      }
    },
  );

  test("a number of 100,000 digits that a rule looks at", async () => {
    for (const digits of ["9".repeat(100_000), `1e${"9".repeat(100_000)}`, "1e-999999999"]) {
      const { headers, body } = callOf("numbered");
      const long = body.replace('"arguments":{}', `"arguments":{"s":${digits}}`);
      const before = slow.upstream.calls.length;
      const answer = await withinTwoSeconds(() =>
        post(`${slow.url}/mcp/up`, { headers, body: long }),
      );
      expect(answer.json().result?.isError ?? answer.json().error !== undefined).toBe(true);
      expect(slow.upstream.calls.length).toBe(before);
    }
  });

  test("a glob of a hundred stars", async () => {
    const name = "a".repeat(3_000);
    for (const [method, params, token] of [
      ["tools/call", { name, arguments: {} }, tokenB],
      ["prompts/get", { name }, tokenA],
      ["resources/read", { uri: `x:///${name}` }, tokenA],
      [
        "completion/complete",
        { ref: { type: "ref/resource", uri: template }, argument: { name: "a", value: "" } },
        tokenA,
      ],
      [
        "completion/complete",
        {
          ref: { type: "ref/resource", uri: `x:///${"{+a}a".repeat(400)}` },
          argument: { name: "a", value: "" },
        },
        tokenA,
      ],
      ["resources/templates/list", {}, tokenA],
    ] as const) {
      const answer = await withinTwoSeconds(() =>
        post(`${slow.url}/mcp/up`, modernRequest(method, params), token),
      );
      expect(answer.status).toBe(200);
    }
  });
});
