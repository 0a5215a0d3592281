/** Each hook of a plugin file, through a whole gateway, between clients and servers of both eras. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";

/** Does what the words of a message ask for. */
const steered = `import { type Plugin, allow, deny, definePlugin } from "mcp-gw/plugin";

const modify = (call: { arguments?: Record<string, unknown> }) => {
  const { to } = call.arguments ?? {};
  return { action: "modify" as const, arguments: to as Record<string, unknown> };
};

export default definePlugin({
  name: "steered",
  version: "1.0.0",
  onRequest: ({ params }) =>
    JSON.stringify(params ?? {}).includes("request-deny") ? deny("not this request") : allow(),
  onToolCall: (call) => {
    if (call.arguments?.do === "deny") return deny("not this call");
    return call.arguments?.do === "modify" ? modify(call) : allow();
  },
  onToolResult: (result, { call }) => {
    const [block] = result.content;
    const text = block?.type === "text" ? block.text : "";
    if (text === "result-deny treasure") return deny("not this result");
    if (text === "result-strip treasure") return { action: "modify", result: { content: [] } };
    if (!text.startsWith("result-modify ")) return allow();
    const said = { type: "text" as const, text: text.slice(14) + " for " + call.name };
    return { action: "modify", result: { ...result, content: [said] } };
  },
  onResourceRead: ({ uri }) => (uri.includes("uri-deny") ? deny("not this resource") : allow()),
  onPromptGet: ({ name, arguments: args }) =>
    name === "greet-deny" || args?.say === "prompt-deny" ? deny("not this prompt") : allow(),
  onInputRequest: ({ method, params }, { tool }) =>
    JSON.stringify(params).includes("ask-deny") ? deny(\`no \${method} for \${tool?.name}\`) : allow(),
} satisfies Plugin);
`;
/** What it returns, and that it breaks, must come to nothing. */
const auditor = `import { deny } from "mcp-gw/plugin";
export default {
  name: "auditor",
  version: "2.0.0",
  onAudit(event, { client, method, log }) {
    log.info("heard of " + method + " of " + client.id + " " + JSON.stringify(event));
    if (client.id === "b" && method === "tools/call") throw new Error("own words");
    return deny("too late");
  },
};
`;
const tools = [
  anyTool("echo"),
  '{"name":"typed","inputSchema":{"type":"object","properties":{"n":{"type":"integer"}}},"outputSchema":{"type":"object","required":["n"]}}',
];
/** GitHub's shape, which the gateway's own detectors know. */
const secret = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "steered.ts": steered, "auditor.js": auditor },
    plugins: [{ use: "./steered.ts" }, { use: "./auditor.js" }],
    tools,
    config: {
      rules: [{ name: "small", on: "*/echo", when: { args: { n: { min: 5 } } }, then: "deny" }],
    },
  });
}, startMs);
afterAll(() => rig.close());

describe.each(ways)("for a $client client and a $server server", (way) => {
  const { server } = way;

  test("onToolCall that denies keeps the call from the server, and the client reads the reason", async () => {
    const before = rig.reached();
    const { text, code, result } = await rig.call("echo", { do: "deny" }, { way });
    expect(code).toBe("PLUGIN_DENIED");
    expect(result?.isError).toBe(true);
    expect(text).toContain("not this call");
    expect(rig.reached()).toBe(before);
    expect(await rig.last()).toMatchObject({
      decision: "denied",
      stage: "consult",
      code: "PLUGIN_DENIED",
      why: "not this call",
      plugins: [
        { name: "steered", version: "1.0.0", hook: "onToolCall", verdict: "deny", mode: "enforce" },
      ],
    });
  });

  test("onToolCall that modifies decides what arrives, and nothing of before does", async () => {
    const { code } = await rig.call("echo", { do: "modify", to: { n: 1, say: "new" } }, { way });
    expect(code).toBeUndefined();
    expect(rig.got(server)).toBe('{"n":1,"say":"new"}');
    expect(await rig.last()).toMatchObject({
      decision: "allowed",
      plugins: [
        { hook: "onToolCall", verdict: "modify" },
        { hook: "onToolResult", verdict: "allow" },
      ],
    });
  });

  test("the policy judges what onToolCall made of a call, not what the client wrote", async () => {
    const before = rig.reached();
    const worse = await rig.call("echo", { n: 1, do: "modify", to: { n: 9 } }, { way });
    expect(worse.code).toBe("RULE_DENIED");
    expect(rig.reached()).toBe(before);
    const better = await rig.call("echo", { n: 9, do: "modify", to: { n: 1 } }, { way });
    expect(better.code).toBeUndefined();
    expect(rig.got(server)).toBe('{"n":1}');
  });

  test("the tool's schema holds for what onToolCall made of a call", async () => {
    const before = rig.reached();
    const { code } = await rig.call("typed", { do: "modify", to: { n: "many" } }, { way });
    expect(code).toBe("ARGUMENTS_INVALID");
    expect(rig.reached()).toBe(before);
  });

  test("onToolResult that denies gives the client nothing of the result", async () => {
    const { text, said, code } = await rig.call("echo", { say: "result-deny treasure" }, { way });
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain("not this result");
    expect(said).not.toContain("treasure");
    expect(await rig.last()).toMatchObject({
      decision: "denied",
      stage: "review",
      upstreamMs: expect.any(Number) as number,
      plugins: [{ hook: "onToolCall" }, { hook: "onToolResult", verdict: "deny" }],
    });
  });

  test("onToolResult that modifies decides what the client gets, and secrets are cleaned after it", async () => {
    const { result } = await rig.call("echo", { say: `result-modify two ${secret}` }, { way });
    expect(result?.content?.[0]?.text).toMatch(/^two \[redacted[^\]]*\] for echo$/);
  });

  test("a result that onToolResult took what the tool promises from is withheld", async () => {
    const { text, code } = await rig.call("typed", { n: 1, say: "result-strip treasure" }, { way });
    expect(code).toBe("PLUGIN_FAILED");
    expect(text).not.toContain("treasure");
    const { plugins = [] } = await rig.last();
    expect(plugins.at(-1)).toMatchObject({
      hook: "onToolResult",
      verdict: "bad_verdict",
      why: expect.stringContaining("structuredContent") as string,
    });
  });

  test("onResourceRead that denies keeps the request from the server", async () => {
    const before = rig.reached();
    const read = (uri: string) => rig.ask("resources/read", `"uri":"${uri}"`, { name: uri, way });
    const { code, error, text } = await read("file:///uri-deny");
    expect(code).toBe("PLUGIN_DENIED");
    expect(error).toBeDefined();
    expect(text).toContain("not this resource");
    expect(rig.reached()).toBe(before);
    expect((await read("file:///plain")).text).toContain("about file:///plain");
    expect(rig.reached()).toBe(before + 1);
  });

  test("onPromptGet that denies keeps the request from the server", async () => {
    const before = rig.reached();
    const get = (name: string, say: string) =>
      rig.ask("prompts/get", `"name":"${name}","arguments":{"say":"${say}"}`, { name, way });
    expect(await get("greet-deny", "hello")).toMatchObject({ code: "PLUGIN_DENIED" });
    const { code, text } = await get("greet", "prompt-deny");
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain("not this prompt");
    expect(rig.reached()).toBe(before);
    expect((await get("greet", "hello")).text).toContain("hello");
  });

  test("onRequest that denies keeps a completion from the server", async () => {
    const before = rig.reached();
    const complete = (value: string) =>
      rig.ask(
        "completion/complete",
        `"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"n","value":"${value}"}`,
        { way },
      );
    const { code, text } = await complete("request-deny");
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain("not this request");
    expect(rig.reached()).toBe(before);
    expect((await complete("b")).result?.["completion"]).toEqual({ values: ["x"] });
    expect(await rig.last()).toMatchObject({ plugins: [{ hook: "onRequest", verdict: "allow" }] });
  });

  test.each(["tools/list", "resources/list", "prompts/list", "resources/templates/list"])(
    "onRequest that denies %s gives nothing of the list",
    async (method) => {
      const { code, text } = await rig.ask(method, '"cursor":"request-deny"', { way });
      expect(code).toBe("PLUGIN_DENIED");
      expect(text).not.toMatch(/echo|greet|file:/);
    },
  );

  test("onInputRequest that denies asks the client nothing, and ends the call", async () => {
    const { servers } = rig;
    const replies = servers.legacy.replies.length;
    const { code, said } = await rig.call("echo", { ask: "ask-deny treasure" }, { way });
    expect(code).toBe("PLUGIN_DENIED");
    expect(said).toContain("no elicitation/create for echo");
    expect(said).not.toMatch(/treasure|inputRequests|"method":"elicitation/);
    expect(servers.legacy.replies.slice(replies).join()).not.toContain('"accept"');
    expect(await rig.last()).toMatchObject({
      decision: "denied",
      stage: "review",
      plugins: [{ hook: "onToolCall" }, { hook: "onInputRequest", verdict: "deny" }],
    });
  });

  test("onInputRequest that allows lets the client be asked", async () => {
    const reply = '{"action":"accept","content":{}}';
    const { said } = await rig.call("echo", { ask: "May I?" }, { way, reply });
    expect(said).toContain("May I?");
    if (way.client === "legacy") expect(said).toContain('"text":"fine"');
    else expect(said).toContain('"inputRequests"');
  });
  test.runIf(server === "modern")(
    "onInputRequest that denies one of several requests lets none of them through",
    async () => {
      const asks = ["treasure", "ask-deny", "treasure"];
      const { code, said } = await rig.call("echo", { asks }, { way });
      expect(code).toBe("PLUGIN_DENIED");
      expect(said).not.toMatch(/treasure|inputRequests|"method":"elicitation/);
    },
  );

  test("onAudit hears how an exchange ended, and changes nothing of it", async () => {
    const said = `seen-by-${way.client}-${server}`;
    const heard = async (): Promise<string> => rig.logs((await rig.last()).id ?? "");
    expect((await rig.call("echo", { say: said }, { way })).text).toContain(said);
    expect(await heard()).toMatch(/tools\/call of a .*"outcome":"ok","durationMs":/);
    expect((await rig.call("echo", { do: "deny" }, { way })).code).toBe("PLUGIN_DENIED");
    expect(await heard()).toMatch(/of a .*"outcome":"denied".*"onToolCall","verdict":"deny"/);
    expect((await rig.call("echo", { n: 1 }, { way, as: "b" })).code).toBeUndefined();
    expect(await heard()).toMatch(/tools\/call of b .*"outcome":"ok"/);
    expect(JSON.stringify(await rig.exchanges())).not.toMatch(/too late|own words|onAudit/);
  });
});
