/** What each stage refuses when it is asked wrongly; each test fails where that check is off. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "../../src/core/index.ts";
import { type EchoBehaviour, type SeenRequest, anyTool } from "./echo-server.ts";
import { allowAll, authA, authB, modernRequest, post, tokenA, tokenB } from "./gateway.ts";
import { problemOf, sendRaw, statusOf } from "../runtime/raw.ts";
import {
  type Stand,
  callOf,
  openSession,
  openStand,
  plenty,
  rawCall,
  withoutId,
} from "../security/stand.ts";

const bareToken = "a-token-of-a-client-that-is-asked-for-nothing";
const brieflyToken = "a-token-that-is-good-for-one-more-day-alone";
const awsKey = "AKIA" + "IOSFODNN7EXAMPLZ";
const tasks = "io.modelcontextprotocol/tasks";
const able = { elicitation: {}, extensions: { [tasks]: {} } };
const declaring = (capabilities: object) => ({
  meta: { "io.modelcontextprotocol/clientCapabilities": capabilities },
});

let stand: Stand;
let mcp: string;
/** How far the gateway's clock is ahead of the real one. */
let aheadMs = 0;
beforeEach(() => {
  aheadMs = 0;
});

const ok = '{"content":[{"type":"text","text":"ok"}],"resultType":"complete"}';
const asking = `{"resultType":"input_required","inputRequests":{"name":{"method":"elicitation/create","params":{"mode":"form","message":"Who?","requestedSchema":{"type":"object","properties":{}}}}},"requestState":"own-state"}`;
const asTask =
  '{"resultType":"task","taskId":"7","status":"working","createdAt":"2026-01-01T00:00:00Z","lastUpdatedAt":"2026-01-01T00:00:00Z","ttlMs":60000,"pollIntervalMs":1000}';

function answer(params: string, { body }: SeenRequest): string {
  if (body.includes('"method":"tasks/')) return asTask.replace('"task"', '"complete"');
  if (params.includes('"name":"task"')) return asTask;
  if (!/"name":"(ask|other)"/.test(params)) return ok;
  return params.includes("requestState") ? ok : asking;
}

beforeAll(async () => {
  const region =
    '{"name":"zone","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}';
  const named = ["echo", "ask", "other", "task"].map(anyTool);
  const many = Array.from({ length: 600 }, (_, index) => anyTool(`t${index}`));
  stand = await openStand({
    upstream: {
      result: answer,
      tools: () => [...named, region, ...many],
      resources: Array.from({ length: 600 }, (_, index) => `{"uri":"r:///${index}","name":"r"}`),
    },
    config: (url) => ({
      upstreams: { x: { url }, y: { url } },
      clients: {
        a: { auth: authA, allow: { ...allowAll, input: ["elicitation"] }, rate: plenty },
        b: { auth: authB, allow: { ...allowAll, input: ["x/elicitation"] }, rate: plenty },
        briefly: {
          auth: {
            token: new Secret(brieflyToken),
            until: new Date(Date.now() + 86_400_000).toISOString().slice(0, 10),
          },
          allow: allowAll,
        },
        bare: { auth: { token: new Secret(bareToken) }, allow: allowAll, rate: plenty },
      },
    }),
    ground: ({ clock }) => ({ clock: { ...clock, now: () => clock.now() + aheadMs } }),
  });
  mcp = `${stand.url}/mcp`;
});
afterAll(() => stand.close());

/** Runs `act`, and sees that no server heard of it. */
async function unseen<T>(act: () => Promise<T>, seen = stand.upstream.calls): Promise<T> {
  const before = seen.length;
  const done = await act();
  expect(seen.slice(before)).toEqual([]);
  return done;
}
const codeOf = async (request: ReturnType<typeof callOf>, token = tokenA, url = mcp) =>
  (await unseen(() => post(url, request, token))).json().error?.data.code;

test("a token is refused after its last day", async () => {
  expect((await post(mcp, callOf("x__echo"), brieflyToken)).status).toBe(200);
  aheadMs = 48 * 3_600_000;
  const late = await unseen(() => post(mcp, callOf("x__echo"), brieflyToken));
  expect([late.status, late.json().code]).toEqual([401, "TOKEN_EXPIRED"]);
});

test("a Host that is not ours is refused", async () => {
  const call = rawCall("x__echo", [["Host", "rebound.example.com"]]);
  const refused = await unseen(() => sendRaw(stand.port, call));
  expect([statusOf(refused), problemOf(refused).code]).toEqual([403, "HOST_FORBIDDEN"]);
});

describe("HEADER_MISMATCH: a call whose headers say something else than its body is refused:", () => {
  test.each<[string, object, Record<string, string>]>([
    ["another parameter", { region: "eu" }, { "mcp-param-region": "us" }],
    ["a parameter that the body lacks", {}, { "mcp-param-region": "us" }],
    ["none for a parameter", { region: "eu" }, {}],
    ["another name", {}, { "mcp-name": "x__echo" }],
    ["another method", {}, { "mcp-method": "prompts/get" }],
    ["another revision", {}, { "mcp-protocol-version": "2025-11-25" }],
  ])("%s", async (_, args, headers) => {
    const answer = await unseen(() => post(mcp, callOf("x__zone", args, { headers })));
    expect(answer.status).toBe(400);
    expect(answer.json().error).toMatchObject({ code: -32020, data: { code: "HEADER_MISMATCH" } });
  });

  test("and one whose headers agree goes on", async () => {
    const headers = { "mcp-param-region": "eu" };
    const answer = await post(mcp, callOf("x__zone", { region: "eu" }, { headers }));
    expect(answer.json().result?.content?.[0]?.text).toBe("ok");
  });
});

describe("a modern request that does not say who asks is refused:", () => {
  test.each<[string, Record<string, unknown>]>([
    ["without capabilities", { "io.modelcontextprotocol/clientCapabilities": undefined }],
    ["with capabilities that are a text", { "io.modelcontextprotocol/clientCapabilities": "all" }],
    ["with a revision that is a number", { "io.modelcontextprotocol/protocolVersion": 2026 }],
    ["without a revision", { "io.modelcontextprotocol/protocolVersion": undefined }],
  ])("%s", async (_, meta) => {
    const answer = await unseen(() => post(mcp, callOf("x__echo", {}, { meta })));
    expect(answer.status).toBe(400);
    expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "META_INCOMPLETE" } });
  });

  test.each(["2027-01-01", "DRAFT-2026-v1", ""])("of the revision %j", async (revision) => {
    const meta = { "io.modelcontextprotocol/protocolVersion": revision };
    const headers = { "mcp-protocol-version": revision };
    const answer = await unseen(() => post(mcp, callOf("x__echo", {}, { meta, headers })));
    expect(answer.status).toBe(400);
    const data = { code: "REVISION_UNSUPPORTED", requested: revision };
    expect(answer.json().error).toMatchObject({ code: -32022, data });
  });
});

describe("a secret withholds", () => {
  const places = ["the gateway", "the upstream", "the client"] as const;
  const secrets = { sanitize: { secrets: "deny" } } as const;
  async function openDenying(place: (typeof places)[number], upstream: EchoBehaviour) {
    const denying = await openStand({
      upstream,
      config: (url) => ({
        upstreams: { x: { url, ...(place === "the upstream" ? secrets : {}) }, y: { url } },
        clients: {
          a: { auth: authA, allow: allowAll, ...(place === "the client" ? secrets : {}) },
        },
        ...(place === "the gateway" ? secrets : {}),
      }),
    });
    return { ...denying, mcp: `${denying.url}/mcp` };
  }
  const tellKey: EchoBehaviour["raw"] = (id, response, { body }) => {
    const text = body.includes('"as":"structure"')
      ? `{"content":[],"structuredContent":{"a":{"b":"${awsKey}"}}}`
      : `{"content":[{"type":"text","text":"key ${awsKey}"}]}`;
    const isError = body.includes('"as":"error"');
    const member = isError ? `"error":{"code":1,"message":"${awsKey}"}` : `"result":${text}`;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(`{"jsonrpc":"2.0","id":${id},${member}}`);
  };

  test.each(places)('an answer, where %s says "deny"', async (place) => {
    const denying = await openDenying(place, { raw: tellKey });
    for (const as of ["text", "structure", "error"]) {
      const answer = await post(denying.mcp, callOf("x__echo", { as }));
      expect(answer.json().error?.data.code).toBe("RESPONSE_WITHHELD");
      expect(answer.text).not.toContain(awsKey);
      const record = (await denying.records()).at(-1);
      expect(record).toMatchObject({ decision: "denied", code: "RESPONSE_WITHHELD" });
      expect(JSON.stringify(record)).not.toContain(awsKey);
    }
    await denying.close();
  });

  test.each(places)('an item of a list, where %s says "deny"', async (place) => {
    const title = `"title":"key ${awsKey}"`;
    const denying = await openDenying(place, {
      tools: () => [`{"name":"t",${title},"inputSchema":{"type":"object"}}`],
      resources: [`{"uri":"r:///1","name":"r",${title}}`],
      templates: [`{"uriTemplate":"r:///{id}","name":"r",${title}}`],
      instructions: `use ${awsKey}`,
    });
    const lists = {
      "tools/list": "tools",
      "resources/list": "resources",
      "resources/templates/list": "resourceTemplates",
    };
    for (const [method, list] of Object.entries(lists)) {
      const own = await post(`${denying.mcp}/x`, modernRequest(method));
      expect(own.json().result?.[list]).toEqual([]);
      const all = await post(denying.mcp, modernRequest(method));
      expect(own.text + all.text).not.toContain(awsKey);
      // The other upstream's list is cleaned by its own setting, and stays.
      const shown = all.json().result?.[list] as unknown[];
      expect(shown).toHaveLength(place === "the upstream" ? 1 : 0);
    }
    const greeting = await post(`${denying.mcp}/x`, modernRequest("server/discover"));
    expect(greeting.json().result?.["supportedVersions"]).toBeDefined();
    expect(greeting.text).not.toMatch(/use |AKIA/);
    await denying.close();
  });
});

describe("a cursor", () => {
  const list = (method: string, cursor?: unknown) =>
    modernRequest(method, cursor === undefined ? {} : { cursor });
  const first = async (method: string, url = mcp, token = tokenA): Promise<string> => {
    const { result } = (await post(url, list(method), token)).json();
    const cursor = result?.["nextCursor"];
    expect(typeof cursor).toBe("string");
    return String(cursor);
  };
  const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

  test.each(lists)("that nobody gave is refused by %s", async (method) => {
    const own = await first("tools/list");
    const forged = ["", "500", "x__t499", "eyJhIjoxfQ", own.slice(1), 1, null, {}, [own]];
    for (const cursor of forged) {
      const answer = await unseen(() => post(mcp, list(method, cursor)));
      expect(answer.json().error).toMatchObject({ code: -32602, data: { code: "CURSOR_INVALID" } });
    }
  });

  test("leads on for whom it was given, and is refused in another place", async () => {
    const cursor = await first("tools/list");
    const next = await post(mcp, list("tools/list", cursor));
    expect(next.json().result?.tools?.length).toBeGreaterThan(0);
    expect(await codeOf(list("tools/list", cursor), tokenB)).toBe("CURSOR_INVALID");
    expect(await codeOf(list("resources/list", cursor))).toBe("CURSOR_INVALID");
    expect(await codeOf(list("tools/list", cursor), tokenA, `${mcp}/x`)).toBe("CURSOR_INVALID");
    aheadMs = 10 * 60_000;
    expect(await codeOf(list("tools/list", cursor))).toBe("CURSOR_INVALID");
  });
});

type Change = (state: string) => {
  readonly params?: object;
  readonly name?: string;
  readonly token?: string;
  readonly aheadMs?: number;
};
const args = { q: 1, deep: { a: [1.5, "x"], b: null } };
const inputResponses = { name: { action: "accept", content: {} } };

describe("a requestState", () => {
  const begin = async (token = tokenA, name = "x__ask"): Promise<string> => {
    const { result } = (await post(mcp, callOf(name, args, declaring(able)), token)).json();
    expect(result).toMatchObject({ resultType: "input_required" });
    return String(result?.["requestState"]);
  };
  const retry = (params: object, name = "x__ask") =>
    modernRequest(
      "tools/call",
      { name, arguments: args, inputResponses, ...params },
      declaring(able),
    );
  /** Turns the highest bit of the character at `at`, which means something in each of them. */
  const flip = (text: string, at: number): string => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const turned = alphabet[alphabet.indexOf(text[at] ?? "") ^ 32] ?? "";
    return text.slice(0, at) + turned + text.slice(at + 1);
  };

  test("hides the server's own, and leads on more than once, whatever the order of keys", async () => {
    const requestState = await begin();
    expect(requestState).not.toContain("own-state");
    const { deep, q } = args;
    for (const given of [{}, {}, { arguments: { deep: { b: deep.b, a: deep.a }, q } }]) {
      const answer = await post(mcp, retry({ requestState, ...given }));
      expect(answer.json().result?.content?.[0]?.text).toBe("ok");
      const sent = stand.upstream.calls.at(-1)?.body ?? "";
      expect(sent).toContain('"requestState":"own-state"');
      expect(sent).toContain(JSON.stringify(inputResponses));
    }
    aheadMs = 14 * 60_000;
    expect((await post(mcp, retry({ requestState }))).json().result).toBeDefined();
  });

  test.each<[string, Change]>([
    ["of another client", () => ({ token: tokenB })],
    ["of a client that is asked for nothing", () => ({ token: bareToken })],
    ["for another tool", () => ({ name: "x__other" })],
    ["for the same tool of another server", () => ({ name: "y__ask" })],
    ["with other arguments", () => ({ params: { arguments: { ...args, q: 2 } } })],
    ["with one argument more", () => ({ params: { arguments: { ...args, more: 1 } } })],
    ["with no arguments", () => ({ params: { arguments: undefined } })],
    ["with another spelling of a number", () => ({ params: { arguments: { ...args, q: "1" } } })],
    ["with a member more", () => ({ params: { more: 1 } })],
    ["after a quarter of an hour", () => ({ aheadMs: 15 * 60_000 + 1_000 })],
    ["that is the server's own", () => ({ params: { requestState: "own-state" } })],
    ["that is empty", () => ({ params: { requestState: "" } })],
    ["that is cut", (state) => ({ params: { requestState: state.slice(0, -8) } })],
    ["that is continued", (state) => ({ params: { requestState: `${state}AAAA` } })],
    ["that is doubled", (state) => ({ params: { requestState: `${state}.${state}` } })],
    ["in another case", (state) => ({ params: { requestState: state.toUpperCase() } })],
  ])("%s is refused", async (_, change) => {
    const requestState = await begin();
    const { name, token = tokenA, params = {}, aheadMs: ahead = 0 } = change(requestState);
    aheadMs = ahead;
    const request = retry({ requestState, ...params }, name);
    const refused = await unseen(() => post(mcp, request, token));
    const data = { code: "STATE_INVALID" };
    expect(refused.json().error).toMatchObject({ code: -32602, data });
    expect((await stand.records()).at(-1)).toMatchObject({ code: "STATE_INVALID" });
    const made = await post(mcp, retry({ requestState: "made-up" }));
    expect(withoutId(refused.text)).toBe(withoutId(made.text));
  });

  test("with one bit turned is refused, whichever it is", async () => {
    const requestState = await begin();
    for (let at = 0; at < requestState.length; at += 7) {
      if (requestState[at] === ".") continue;
      const turned = retry({ requestState: flip(requestState, at) });
      expect([at, await codeOf(turned)]).toEqual([at, "STATE_INVALID"]);
    }
  });

  test("that was given as something else is refused", async () => {
    const { result } = (await post(mcp, callOf("x__task", {}, declaring(able)))).json();
    const { session } = await openSession(mcp);
    const { result: listed } = (await post(mcp, modernRequest("tools/list"))).json();
    for (const token of [result?.["taskId"], session, listed?.["nextCursor"]]) {
      expect(String(token).length).toBeGreaterThan(40);
      expect(await codeOf(retry({ requestState: token }))).toBe("STATE_INVALID");
    }
  });

  test("for another method is refused, and by one that never asks it is not even read", async () => {
    const requestState = await begin();
    const elsewhere = { name: "x__ask", arguments: args, requestState };
    expect(await codeOf(modernRequest("prompts/get", elsewhere))).toBe("STATE_INVALID");
    expect(await codeOf(modernRequest("tools/list", { requestState }))).toBe("PARAMS_INVALID");
    const { ask } = await openSession(mcp);
    const old = await unseen(() => ask("tools/call", elsewhere));
    expect(old.json().error?.data.code).toBe("PARAMS_INVALID");
  });

  test.each([7, null, {}, ["a"]])("that is %j is none", async (requestState) => {
    expect(await codeOf(retry({ requestState }))).toBe("PARAMS_INVALID");
  });
});

describe("input", () => {
  const call = (name: string, params: object = {}, capabilities: object = able) =>
    modernRequest("tools/call", { name, arguments: {}, ...params }, declaring(capabilities));

  test("is answered by nobody to whom nothing is granted", async () => {
    expect(await codeOf(call("x__echo", { inputResponses }), bareToken)).toBe("PARAMS_INVALID");
    expect(await codeOf(call("y__echo", { inputResponses }), tokenB)).toBe("PARAMS_INVALID");
    const granted = await post(mcp, call("x__echo", { inputResponses }), tokenB);
    expect(granted.json().result?.content?.[0]?.text).toBe("ok");
  });

  test.each([[[]], ["a"], [null]])("that is %j is none", async (responses) => {
    const request = call("x__echo", { inputResponses: responses });
    expect(await codeOf(request)).toBe("PARAMS_INVALID");
  });

  test.each<[string, string, string, object]>([
    ["to whom nothing is granted", bareToken, "x__ask", able],
    ["to whom another server's questions are granted", tokenB, "y__ask", able],
    ["that declares no way to be asked", tokenA, "x__ask", {}],
  ])("is not asked of a client %s", async (_, token, name, capabilities) => {
    const answer = await post(mcp, call(name, {}, capabilities), token);
    expect(answer.json().error?.data.code).toBe("INPUT_DENIED");
    expect(answer.text).not.toMatch(/Who\?|requestState/);
  });
});

describe("a task", () => {
  const begin = async (): Promise<string> => {
    const { result } = (await post(mcp, callOf("x__task", {}, declaring(able)))).json();
    expect(result).toMatchObject({ resultType: "task" });
    return String(result?.["taskId"]);
  };
  const about = (method: string, taskId: string, capabilities: object = able) =>
    modernRequest(
      method,
      { taskId, inputResponses },
      { ...declaring(capabilities), headers: { "mcp-name": taskId } },
    );
  const methods = ["tasks/get", "tasks/update", "tasks/cancel"];

  test.each(methods)("answers its own client's %s alone, under an id of ours", async (method) => {
    const id = await begin();
    expect(id.length).toBeGreaterThan(40);
    const own = await post(mcp, about(method, id));
    expect(own.json().result?.["taskId"]).not.toBe("7");
    expect(stand.upstream.calls.at(-1)?.body).toContain('"taskId":"7"');
    for (const token of [tokenB, bareToken]) {
      const other = await unseen(() => post(mcp, about(method, id), token));
      const unknown = await unseen(() => post(mcp, about(method, "7"), token));
      expect(other.json().error?.data.code).toBe("TARGET_UNKNOWN");
      expect(withoutId(other.text)).toBe(withoutId(unknown.text));
    }
    for (const forged of ["7", "", `${id}A`, `A${id.slice(1)}`, id.toLowerCase()]) {
      expect(await codeOf(about(method, forged))).toBe("TARGET_UNKNOWN");
    }
    expect(await codeOf(about(method, id), tokenA, `${mcp}/y`)).toBe("TARGET_UNKNOWN");
  });

  test("is only spoken of by clients that declare to know what one is", async () => {
    const id = await begin();
    for (const method of methods) {
      const answer = await unseen(() => post(mcp, about(method, id, { elicitation: {} })));
      expect(answer.status).toBe(400);
      const requiredCapabilities = { extensions: { [tasks]: {} } };
      const data = { code: "CAPABILITY_MISSING", requiredCapabilities };
      expect(answer.json().error).toMatchObject({ code: -32021, data });
    }
  });
});
