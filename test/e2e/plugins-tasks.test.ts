/** A call that becomes a task: what plugins say of the call holds for all that comes of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowAll } from "./gateway.ts";
import { type PlainRequest, type PlainServer, startPlainServer } from "./plain-server.ts";
import { type PluginsRig, openPluginsRig, startMs } from "./plugins-rig.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { token } from "./reloading.ts";
import { toHeard } from "./rules-rig.ts";

/** Asks to be asked about calls alone, as most do. */
const caller = `import { type Plugin, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export default definePlugin({
  name: "caller",
  version: "1.0.0",
  match: { on: ["jobs/make"], methods: ["tools/call"] },
  onToolResult: (result, { call }) =>
    JSON.stringify(result).includes("jewel") ? deny("not this result of " + call.name) : allow(),
  onText: (text, { source, method }) => {
    if (text.includes("text-deny")) return deny("not this text of " + method);
    const at = text.indexOf("treasure");
    return at === -1 ? allow() : redact([[at, at + 8, "no " + source]]);
  },
  onInputRequest: ({ params }) =>
    JSON.stringify(params).includes("ask-deny") ? deny("not this question") : allow(),
  onRequest: () => deny("never asked: a call has a hook of its own"),
} satisfies Plugin);
`;
const gatekeeper = `import { type Plugin, allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "gatekeeper",
  version: "1.0.0",
  match: { on: ["jobs/make"] },
  onRequest: ({ method, params }, { tool }) =>
    JSON.stringify(params).includes("request-deny") ? deny("no " + method + " of " + tool?.name) : allow(),
} satisfies Plugin);
`;

const extension = "io.modelcontextprotocol/tasks";
const capabilities = `{"elicitation":{"form":{}},"extensions":{"${extension}":{}}}`;
const made = { resultType: "task", taskId: "task-1", ttlMs: 60_000, status: "working" };
const text = (words: string) => ({ content: [{ type: "text", text: words }] });

let server: PlainServer;
let rig: PluginsRig;
let client: RawClient;
/** What the server answers to the next request about a call or a task. */
let next: object = {};
beforeAll(async () => {
  server = await startPlainServer({ tools: {}, extensions: { [extension]: {} } }, answer);
  const allow = { ...allowAll, input: ["elicitation"] };
  rig = await openPluginsRig({
    files: { "caller.ts": caller, "gatekeeper.ts": gatekeeper },
    plugins: [{ use: "./caller.ts" }, { use: "./gatekeeper.ts" }],
    config: {
      upstreams: { jobs: { url: server.url } },
      clients: { a: { ...token("TOKEN_A"), allow } },
    },
  });
}, startMs);
afterAll(async () => {
  await rig.close();
  await server.close();
});

function answer({ method }: PlainRequest): object {
  if (method !== "tools/list") return next;
  return { tools: ["make", "other"].map((name) => ({ name, inputSchema: { type: "object" } })) };
}

describe.each(["/mcp", "/mcp/jobs"])("at %s", (path) => {
  beforeAll(async () => {
    client = await openRawClient("modern", `${rig.url}${path}`, undefined, capabilities);
  });
  async function ask(method: string, name: string, members: string, answered: object) {
    next = answered;
    const params = `{${members},"_meta":{${client.meta}}}`;
    const heard = await client.ask({ method, params, name });
    return { ...toHeard(heard.at(-1) ?? ""), said: heard.join() };
  }
  const call = (answered: object, tool = "make") => {
    const name = path === "/mcp" ? `jobs__${tool}` : tool;
    return ask("tools/call", name, `"name":"${name}","arguments":{}`, answered);
  };
  /** Of a task that a call has become. */
  async function about(method: string, answered: object, more = "", tool?: string) {
    const { result } = await call(made, tool);
    const id = String(result?.["taskId"]);
    return ask(method, id, `"taskId":"${id}"${more}`, answered);
  }
  const asked = () => server.requests.filter(({ method }) => method.startsWith("tasks/")).length;

  test.each(["tasks/get", "tasks/update", "tasks/cancel"])(
    "onRequest that denies %s keeps it from the server",
    async (method) => {
      const before = asked();
      const { code, said } = await about(method, {}, ',"note":"request-deny"');
      expect(code).toBe("PLUGIN_DENIED");
      expect(said).toContain(`no ${method} of make`);
      expect(asked()).toBe(before);
      expect((await about(method, {}, ',"note":"request-deny"', "other")).code).toBeUndefined();
    },
  );

  test("what a client writes for a task is put to who looks at its call's texts", async () => {
    const before = asked();
    const given = (words: string) =>
      `,"inputResponses":{"a":{"action":"accept","content":{"b":"${words}"}}}`;
    const { code } = await about("tasks/update", {}, given("text-deny"));
    expect(code).toBe("PLUGIN_DENIED");
    expect(asked()).toBe(before);
    await about("tasks/update", {}, given("treasure"));
    expect(JSON.stringify(server.requests.at(-1)?.params["inputResponses"])).toContain(
      "no tool_arguments",
    );
  });

  test.each([
    ["that has become a task already", { ...made, ...text("jewel") }],
    [
      "that has become a task already, with structured content",
      { ...made, structuredContent: { a: "jewel" } },
    ],
  ])("a result of a call %s is put to onToolResult", async (_, answered) => {
    const { code, said } = await call(answered);
    expect(code).toBe("PLUGIN_DENIED");
    expect(said).toContain("not this result of make");
    expect(said).not.toContain("jewel");
  });

  test("the result that a task has come to is put to onToolResult", async () => {
    const done = { ...made, resultType: "complete", status: "completed", result: text("jewel") };
    const { code, said } = await about("tasks/get", done);
    expect(code).toBe("PLUGIN_DENIED");
    expect(said).not.toContain("jewel");
  });

  const working = { ...made, resultType: "complete" };
  test.each<[string, object]>([
    ["what a task says of itself", { ...working, statusMessage: "treasure" }],
    ["its result", { ...working, status: "completed", result: text("treasure") }],
    ["its error", { ...working, status: "failed", error: { code: -1, message: "treasure" } }],
    [
      "what it asks",
      {
        ...working,
        status: "input_required",
        inputRequests: {
          a: {
            method: "elicitation/create",
            params: { message: "treasure", requestedSchema: { type: "object", properties: {} } },
          },
        },
      },
    ],
  ])("onText reads %s", async (_, answered) => {
    const { said, code } = await about("tasks/get", answered);
    expect(code).toBeUndefined();
    expect(said).not.toContain("treasure");
    expect(said).toMatch(/no (tool_result|input_request)/);
  });

  test("a question of a task that is denied asks the client nothing", async () => {
    const params = {
      message: "ask-deny treasure",
      requestedSchema: { type: "object", properties: {} },
    };
    const inputRequests = { a: { method: "elicitation/create", params } };
    const { code, said } = await about("tasks/get", {
      ...working,
      status: "input_required",
      inputRequests,
    });
    expect(code).toBe("PLUGIN_DENIED");
    expect(said).not.toMatch(/treasure|inputRequests/);
  });

  test.each(["tasks/update", "tasks/cancel"])("onText reads the answer to %s", async (method) => {
    const { said } = await about(method, { _meta: { "x/y": "treasure" } });
    expect(said).toContain("no tool_result");
  });
});
