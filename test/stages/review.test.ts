/** What plugins say of an answer, through the whole gateway. */
import { afterEach, expect, test } from "vitest";
import type { ToolCallParams, ToolResult } from "../../src/plugin.ts";
import { allow, deny, redact } from "../../src/plugin.ts";
import { allowAll, authA, modernRequest, tokenA } from "../e2e/gateway.ts";
import type { FakePlugin, HookFunction } from "./fake-plugins.ts";
import { type PluginsRig, openPluginsRig } from "./plugins-rig.ts";

let rig: PluginsRig;
afterEach(() => rig.close());

const open = async (
  plugins: readonly FakePlugin[],
  more: Parameters<typeof openPluginsRig>[1] = {},
): Promise<PluginsRig> => (rig = await openPluginsRig(plugins, more));
const answering = (result: string) => ({ upstream: { result: () => result } });
const call = { name: "x__echo", arguments: {} };
const secretResult =
  '{"content":[{"type":"text","text":"the treasure is here"}],"resultType":"complete"}';
/** A text hook that acts on what goes to the client alone. */
const toClient =
  (act: (text: string, source: string) => unknown): HookFunction =>
  (text: string, { direction, source }: { direction: string; source: string }) =>
    direction === "to_client" ? act(text, source) : allow();
const blackens = (word: string): FakePlugin => ({
  hooks: {
    onText: toClient((text) => {
      const at = text.indexOf(word);
      return at === -1 ? allow() : redact([[at, at + word.length, "█"]]);
    }),
  },
});

test("a deny of onToolResult gives the client nothing of the result, and the record shows the call", async () => {
  await open([{ hooks: { onToolResult: () => deny("looks bad") } }], answering(secretResult));
  const { text } = await rig.ask("tools/call", call);
  expect(JSON.parse(text)).toMatchObject({
    result: { isError: true, content: [{ type: "text", text: "PLUGIN_DENIED: looks bad" }] },
  });
  expect(text).not.toContain("treasure");
  expect(rig.upstream.calls).toHaveLength(1);
  expect(await rig.records()).toMatchObject([
    {
      decision: "denied",
      stage: "review",
      code: "PLUGIN_DENIED",
      upstreamMs: expect.any(Number),
      plugins: [{ hook: "onToolResult", verdict: "deny" }],
    },
  ]);
});

test("a reason that quotes a secret of the result leaves without it", async () => {
  const token = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;
  await open([{ hooks: { onToolResult: () => deny(`it holds ${token}`) } }]);
  const { text } = await rig.ask("tools/call", call);
  expect(text).toContain("PLUGIN_DENIED: it holds ");
  expect(text).not.toContain(token);
});

test("a plugin that fails on a result withholds it", async () => {
  const fails = () => {
    throw new Error("own words");
  };
  await open([{ hooks: { onToolResult: fails } }], answering(secretResult));
  const { text } = await rig.ask("tools/call", call);
  expect(text).toContain("PLUGIN_FAILED");
  expect(text).not.toMatch(/treasure|own words/);
});

test("a modified result is what arrives, and is cleaned after it", async () => {
  const token = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;
  const result = {
    content: [{ type: "text", text: `mine ${token}` }],
    resultType: "input_required",
  };
  await open([{ hooks: { onToolResult: () => ({ action: "modify", result }) } }]);
  const { result: got } = await rig.call();
  expect(got?.["resultType"]).toBe("complete");
  expect(got?.content?.[0]?.text).toMatch(/^mine \[redacted/);
});

test("onToolResult is told which call was sent", async () => {
  let told: unknown;
  await open([
    {
      hooks: {
        onToolCall: ({ arguments: args }: ToolCallParams) => ({
          action: "modify",
          arguments: { ...args, more: 1 },
        }),
        onToolResult: (_: ToolResult, ctx: { call: ToolCallParams }) => void (told = ctx.call),
      },
    },
  ]);
  await rig.call({ a: 1 });
  expect(told).toMatchObject({ name: "echo", arguments: { a: 1, more: 1 } });
});

test.each([
  ["no content", {}],
  ["a block of an unknown kind", { content: [{ type: "spell" }] }],
  ["a text without text", { content: [{ type: "text" }] }],
  ["structured content that does not fit", { content: [], structuredContent: { n: "x" } }],
  ["no structured content any more", { content: [] }],
])("a modified result with %s is a failure", async (_, result) => {
  await open([{ hooks: { onToolResult: () => ({ action: "modify", result }) } }], {
    upstream: {
      tools: () => [
        '{"name":"echo","inputSchema":{"type":"object"},"outputSchema":{"type":"object","properties":{"n":{"type":"integer"}}}}',
      ],
      result: () => '{"content":[],"structuredContent":{"n":1},"resultType":"complete"}',
    },
  });
  expect((await rig.call()).result?.content?.[0]?.text).toMatch(/^PLUGIN_FAILED/);
  expect(await rig.records()).toMatchObject([{ plugins: [{ verdict: "bad_verdict" }] }]);
});

test("a block of a kind that the result has already may stay", async () => {
  const before = '{"content":[{"type":"future","x":1}],"resultType":"complete"}';
  const adds = ({ content }: ToolResult) => ({
    action: "modify",
    result: { content: [...content, { type: "text", text: "more" }] },
  });
  await open([{ hooks: { onToolResult: adds } }], answering(before));
  expect((await rig.call()).result?.content).toMatchObject([{ type: "future" }, { text: "more" }]);
});

test("a result with a number that JavaScript cannot hold is denied before a plugin reads it", async () => {
  let asked = 0;
  await open(
    [{ hooks: { onToolResult: () => void asked++ } }],
    answering(
      '{"content":[],"structuredContent":{"n":12345678901234567890},"resultType":"complete"}',
    ),
  );
  expect((await rig.call()).result?.content?.[0]?.text).toMatch(/^PLUGIN_FAILED/);
  expect(asked).toBe(0);
});

test("a redaction of a result leaves every other byte, large numbers included", async () => {
  const text = '"say \\u0041 \\/ WORD \\ud83d\\ude00"';
  await open(
    [blackens("WORD")],
    answering(
      `{"content":[{"type":"text","text":${text}}], "structuredContent" : {"n": 12345678901234567890, "WORD": 1.50},"resultType":"complete"}`,
    ),
  );
  const answer = await rig.ask("tools/call", call);
  expect(answer.text).toContain(
    `"text":"say \\u0041 \\/ █ \\ud83d\\ude00"}], "structuredContent" : {"n": 12345678901234567890, "WORD": 1.50}`,
  );
});

test("onText sees texts alone: no names, addresses, blobs or keys", async () => {
  const texts: string[] = [];
  await open(
    [{ hooks: { onText: toClient((text) => void texts.push(text)) } }],
    answering(
      JSON.stringify({
        content: [
          { type: "text", text: "one" },
          { type: "image", data: "aGVsbG8=", mimeType: "image/png" },
          { type: "resource_link", uri: "file:///a", name: "n", description: "two" },
          { type: "resource", resource: { uri: "file:///b", text: "three" } },
        ],
        structuredContent: { key: ["four", { deep: "five" }] },
        resultType: "complete",
      }),
    ),
  );
  await rig.call();
  expect(texts).toEqual(["one\u001etwo\u001ethree\u001efour\u001efive"]);
});

test.each([
  [
    "resources/read",
    { uri: "x+file:///a" },
    "resource",
    '{"contents":[{"uri":"file:///a","text":"a treasure"}],"resultType":"complete"}',
  ],
  [
    "prompts/get",
    { name: "x__p" },
    "prompt",
    '{"messages":[{"role":"user","content":{"type":"text","text":"a treasure"}}],"resultType":"complete"}',
  ],
  [
    "completion/complete",
    { ref: { type: "ref/prompt", name: "x__p" }, argument: { name: "a", value: "" } },
    "prompt",
    '{"completion":{"values":["a treasure"]},"resultType":"complete"}',
  ],
])("onText sees and changes what %s gives", async (method, params, source, result) => {
  const sources: string[] = [];
  const changes: FakePlugin = {
    hooks: {
      onText: toClient((_, from) => {
        sources.push(from);
        return redact([[2, 10, "█"]]);
      }),
    },
  };
  await open([changes], { upstream: { prompts: ['{"name":"p"}'], result: () => result } });
  const { text } = await rig.ask(method, params);
  expect(text).toContain('"a █"');
  expect(text).not.toContain("treasure");
  expect(sources).toEqual([source]);
});

test("onText sees the texts of an error", async () => {
  await open([blackens("treasure")], {
    upstream: {
      raw: (id, response) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.end(
          `{"jsonrpc":"2.0","id":${id},"error":{"code":-32000,"message":"no treasure","data":{"n":12345678901234567890}}}`,
        );
      },
    },
  });
  const { text } = await rig.ask("tools/call", call);
  expect(text).toContain('"message":"no █","data":{"n":12345678901234567890}');
});

const progress = (message: string, at: number): string =>
  `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":${at},"message":"${message}"}}\n\n`;

test("onText sees each message of a stream as it flows, before the answer has ended", async () => {
  let finish = () => {};
  await open([blackens("WORD")], {
    upstream: {
      raw: (id, response, { body }) => {
        const token = /"progressToken":("[^"]*"|\d+)/.exec(body)?.[1] ?? "";
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(progress("a WORD", 1).replace('"p"', token));
        finish = () =>
          response.end(`data: {"jsonrpc":"2.0","id":${id},"result":${secretResult}}\n\n`);
      },
    },
  });
  const response = await rig.send(requestWithProgress());
  const reader = response.body!.getReader();
  const first = new TextDecoder().decode((await reader.read()).value);
  expect(first).toContain('"message":"a █"');
  finish();
  const rest = new TextDecoder().decode((await reader.read()).value);
  expect(rest).toContain("the treasure is here");
});

test("a deny in the middle of a stream ends it, and nothing behind it arrives", async () => {
  let isClosed = false;
  const denies = toClient((text) => (text.includes("WORD") ? deny("stop") : allow()));
  await open([{ hooks: { onText: denies } }], {
    upstream: {
      raw: (_, response, { body }) => {
        const token = /"progressToken":("[^"]*"|\d+)/.exec(body)?.[1] ?? "";
        response.on("close", () => (isClosed = true));
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(progress("good", 1).replace('"p"', token));
        response.write(progress("bad WORD", 2).replace('"p"', token));
      },
    },
  });
  const text = await (await rig.send(requestWithProgress())).text();
  expect(text).toContain('"message":"good"');
  expect(text).toContain("PLUGIN_DENIED: stop");
  expect(text).not.toContain("WORD");
  await expect.poll(() => isClosed).toBe(true);
  expect(await rig.records()).toMatchObject([
    {
      decision: "denied",
      stage: "review",
      plugins: [
        { verdict: "allow", hook: "onText" },
        { verdict: "deny", hook: "onText" },
      ],
    },
  ]);
});

function requestWithProgress(text = ""): Request {
  const params = { ...call, arguments: { text } };
  const { headers, body } = modernRequest("tools/call", params, { meta: { progressToken: "p" } });
  return new Request("http://127.0.0.1/mcp", {
    method: "POST",
    headers: { ...headers, authorization: `Bearer ${tokenA}`, host: "127.0.0.1" },
    body,
  });
}

const asksForInput = JSON.stringify({
  resultType: "input_required",
  inputRequests: {
    k: {
      method: "elicitation/create",
      params: {
        mode: "form",
        message: "your WORD",
        requestedSchema: { type: "object", properties: {} },
      },
    },
  },
});
const mayBeAsked = {
  clients: { a: { auth: authA, allow: { tools: ["*"], input: ["elicitation" as const] } } },
};
const canBeAsked = { "io.modelcontextprotocol/clientCapabilities": { elicitation: {} } };

test.each([
  ["onInputRequest", { onInputRequest: () => deny("do not ask") }],
  [
    "onText",
    {
      onText: (_: string, { source }: { source: string }) =>
        source === "input_request" ? deny("do not ask") : allow(),
    },
  ],
] as const)("a deny of %s keeps a server's question from the client", async (_, hooks) => {
  await open([{ hooks: hooks as FakePlugin["hooks"] }], {
    upstream: { result: () => asksForInput },
    config: mayBeAsked,
  });
  const { text } = await rig.ask("tools/call", call, { meta: canBeAsked });
  expect(text).toContain("PLUGIN_DENIED: do not ask");
  expect(text).not.toContain("WORD");
});

test("a question that plugins allow arrives, reworded by a redaction alone", async () => {
  let seen: unknown;
  const hooks: FakePlugin["hooks"] = {
    onInputRequest: (request: unknown) => void (seen = request),
    onText: toClient((text) => redact([[text.indexOf("WORD"), text.indexOf("WORD") + 4, "█"]])),
  };
  await open([{ hooks }], {
    upstream: { result: () => asksForInput },
    config: mayBeAsked,
  });
  const { text } = await rig.ask("tools/call", call, { meta: canBeAsked });
  expect(text).toContain('"message":"your █"');
  expect(seen).toMatchObject({ method: "elicitation/create", params: { message: "your WORD" } });
});

test("tools are described as a plugin rewords them, and none is hidden by being left out", async () => {
  const names: unknown[] = [];
  const hooks: FakePlugin["hooks"] = {
    onToolList: (tools: { name: string }[], { upstream }: { upstream: { name: string } }) => {
      names.push([upstream.name, tools.map(({ name }) => name)]);
      return { action: "modify", tools: [{ name: "a", description: "reworded" }] };
    },
  };
  const tool = (name: string) =>
    `{"name":"${name}","description":"old","inputSchema":{"type":"object"}, "x" : 1.0}`;
  await open([{ hooks }], { upstream: { tools: () => [tool("a"), tool("b")] } });
  const { text } = await rig.ask("tools/list");
  expect(text).toContain(
    '{"name":"x__a","description":"reworded","inputSchema":{"type":"object"}, "x" : 1.0}',
  );
  expect(text).toContain(
    '{"name":"x__b","description":"old","inputSchema":{"type":"object"}, "x" : 1.0}',
  );
  expect(names).toEqual([["x", ["a", "b"]]]);
});

test("a plugin sees of a list what its caller may use, and no more", async () => {
  const names: unknown[] = [];
  const hooks: FakePlugin["hooks"] = {
    onToolList: (tools: { name: string }[]) => void names.push(tools.map(({ name }) => name)),
  };
  await open([{ hooks }], {
    upstream: {
      tools: () => ["a", "b"].map((name) => `{"name":"${name}","inputSchema":{"type":"object"}}`),
    },
    config: { rules: [{ name: "no-b", on: "x/b", then: "deny" }] },
  });
  await rig.ask("tools/list");
  expect(names).toEqual([["a"]]);
});

test("onText changes the descriptions of a list, and denies the list of one upstream", async () => {
  const tools = () => ['{"name":"echo","description":"a WORD","inputSchema":{"type":"object"}}'];
  await open([blackens("WORD")], { upstream: { tools } });
  expect((await rig.ask("tools/list")).text).toContain('"description":"a █"');
  await rig.close();
  await open([{ hooks: { onText: toClient(() => deny("poisoned")) } }], { upstream: { tools } });
  const { text } = await rig.ask("tools/list");
  expect(text).not.toContain("WORD");
  expect(JSON.parse(text)).toMatchObject({ error: { data: { code: "PLUGIN_DENIED" } } });
});

test.each([
  ["redacted", blackens("WORD"), '"instructions":"x: read the █"'],
  ["withheld", { hooks: { onText: toClient(() => deny("no")) } }, '"supportedVersions"'],
])("an upstream's instructions can be %s", async (_, plugin, expected) => {
  await open([plugin], { upstream: { instructions: "read the WORD" } });
  const { text } = await rig.ask("server/discover");
  expect(text).toContain(expected);
  expect(text).not.toContain("WORD");
});

test("what a plugin says of each message is one entry of the record with a count", async () => {
  await open([{ hooks: { onText: () => allow({ note: "seen" }) } }], {
    upstream: {
      raw: (id, response, { body }) => {
        const token = /"progressToken":("[^"]*"|\d+)/.exec(body)?.[1] ?? "";
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(progress("good", 1).replace('"p"', token));
        response.end(`data: {"jsonrpc":"2.0","id":${id},"result":${secretResult}}\n\n`);
      },
    },
  });
  await (await rig.send(requestWithProgress("text"))).text();
  expect(await rig.records()).toMatchObject([
    {
      plugins: [
        { hook: "onText", stage: "consult", verdict: "allow", why: "seen", ms: 0.5 },
        { hook: "onText", stage: "review", verdict: "allow", why: "seen", count: 2, ms: 1 },
      ],
    },
  ]);
});

test("what came of a call that became a task is reviewed as any other result", async () => {
  const taskId = '"taskId":"t1","ttlMs":60000';
  const extensions = { extensions: { "io.modelcontextprotocol/tasks": {} } };
  const results: unknown[] = [];
  const changes = ({ content }: ToolResult) => {
    results.push(content);
    return { action: "modify", result: { content: [{ type: "text", text: "other" }] } };
  };
  await open([{ hooks: { onToolResult: changes } }], {
    upstream: {
      result: (_, { body }) =>
        body.includes('"tasks/get"')
          ? `{${taskId},"status":"completed","result":{"content":[{"type":"text","text":"the treasure"}]},"resultType":"complete"}`
          : `{${taskId},"status":"working","resultType":"task"}`,
    },
  });
  const meta = { "io.modelcontextprotocol/clientCapabilities": extensions };
  const made = (await rig.ask("tools/call", call, { meta })).json();
  expect(results).toEqual([]);
  const id = made.result?.["taskId"];
  const { text } = await rig.ask("tasks/get", { taskId: id }, { meta });
  expect(results).toEqual([[{ type: "text", text: "the treasure" }]]);
  expect(text).toContain('"result":{"content":[{"type":"text","text":"other"}]}');
});

const taskMeta = {
  "io.modelcontextprotocol/clientCapabilities": {
    extensions: { "io.modelcontextprotocol/tasks": {} },
    elicitation: { form: {} },
  },
};
/** A server that makes a task of each call; `asks` stands beside the result of the task. */
const asTask = (asks = "") => ({
  upstream: {
    result: (_: string, { body }: { readonly body: string }) =>
      body.includes('"tasks/get"')
        ? `{"taskId":"t1","ttlMs":60000,"status":"completed","result":{"content":[{"type":"text","text":"the treasure"}]}${asks},"resultType":"complete"}`
        : '{"taskId":"t1","ttlMs":60000,"status":"working","resultType":"task"}',
  },
});
const askTask = async (): Promise<string> => {
  const made = (await rig.ask("tools/call", call, { meta: taskMeta })).json();
  const params = { taskId: made.result?.["taskId"] };
  return (await rig.ask("tasks/get", params, { meta: taskMeta })).text;
};

test("a task that asks for something has its result reviewed all the same", async () => {
  const asks =
    ',"inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{}}}}}';
  const hooks = { onToolResult: () => deny("looks bad") };
  await open([{ hooks }], {
    ...asTask(asks),
    config: {
      clients: { a: { auth: authA, allow: { ...allowAll, input: ["elicitation:form"] } } },
    },
  });
  const text = await askTask();
  expect(text).toContain("looks bad");
  expect(text).not.toContain("treasure");
});

test("a plugin that looks at calls alone sees the result of a call that became a task", async () => {
  const hooks = { onToolResult: () => deny("looks bad") };
  await open([{ hooks, fits: ({ method }) => method === "tools/call" }], asTask());
  const text = await askTask();
  expect(text).toContain("looks bad");
  expect(text).not.toContain("treasure");
});
