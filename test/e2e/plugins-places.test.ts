/** Each place where a server writes something that clients read: which hook looks at it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";
import type { Plan } from "./recording-server.ts";

/** Takes one word out of all that is text, and refuses another one wherever it stands in a result. */
const reader = `import { type Plugin, type Span, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export default definePlugin({
  name: "reader",
  version: "1.0.0",
  onText: (text, { direction, method, source }) => {
    if (direction === "to_server") return allow();
    if (text.includes("crown") && method === "tools/call") return deny("no crown");
    const found = [...text.matchAll(/treasure/g)];
    const spans = found.map(({ index }): Span => [index, index + 8, "no " + source]);
    return spans.length === 0 ? allow() : redact(spans);
  },
  onToolResult: (result) => (JSON.stringify(result).includes("jewel") ? deny("not this") : allow()),
} satisfies Plugin);
`;

const schema =
  '{"type":"object","title":"treasure","properties":{"a":{"type":"string","description":"treasure","default":"treasure","enum":["treasure"],"examples":["treasure"]},"b":{"const":"treasure"}}}';
const described = '"title":"treasure","description":"treasure","_meta":{"x/y":"treasure"}';
const strict =
  '{"name":"strict","inputSchema":{"type":"object","properties":{"a":{"enum":["treasure"]}},"required":["treasure b"]}}';
const stern = '{"name":"stern","inputSchema":{"type":"object","required":["crown"]}}';
const tool = `{"name":"rich",${described},"annotations":{"title":"treasure"},"inputSchema":${schema},"outputSchema":{"type":"object","$comment":"treasure"}}`;

let rig: PluginsRig;
let plan: Plan;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "reader.ts": reader },
    plugins: [{ use: "./reader.ts" }],
    answer: () => plan,
    tools: [anyTool("echo"), tool, strict, stern],
  });
}, startMs);
afterAll(() => rig.close());

const result = (members: string): Plan => ({
  end: `"result":{"resultType":"complete",${members}}`,
});
const block = (members: string): Plan => result(`"content":[{${members}}]`);
const error = (members: string): Plan => ({ end: `"error":{"code":-32000,${members}}` });
const log = (members: string): Plan => ({
  before: [
    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error",${members}}}`,
  ],
  ...result('"content":[]'),
});
const link = '"type":"resource_link","uri":"file:///a","name":"a"';
const embedded = (members: string): Plan =>
  block(`"type":"resource","resource":{"uri":"file:///a",${members}}`);

/** Method, what it is about, its parameters. */
const asks: Readonly<Record<string, readonly [method: string, name: string, members: string]>> = {
  tool_result: ["tools/call", "echo", '"name":"echo"'],
  resource: ["resources/read", "file:///plain", '"uri":"file:///plain"'],
  prompt: ["prompts/get", "greet", '"name":"greet"'],
  "prompt ": [
    "completion/complete",
    "",
    '"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"n","value":"x"}',
  ],
  "resource ": [
    "completion/complete",
    "",
    '"ref":{"type":"ref/resource","uri":"file:///plain"},"argument":{"name":"n","value":"x"}',
  ],
  tool_description: ["tools/list", "", ""],
};
const texts: readonly (readonly [source: string, what: string, Plan])[] = [
  ["tool_result", "content", block('"type":"text","text":"treasure"')],
  ["tool_result", "content with escapes", block(String.raw`"type":"text","text":"\u0074reasure"`)],
  ["tool_result", "content of a tool's error", result('"isError":true,"content":["treasure"]')],
  ["tool_result", "annotations", block('"type":"text","text":"","annotations":{"a":"treasure"}')],
  ["tool_result", "a block's _meta", block('"type":"text","text":"","_meta":{"a":"treasure"}')],
  ["tool_result", "an embedded text", embedded('"text":"treasure"')],
  ["tool_result", "a link's title", block(`${link},"title":"treasure"`)],
  ["tool_result", "a link's description", block(`${link},"description":"treasure"`)],
  ["tool_result", "an unknown block", block('"type":"poem","verse":["treasure"]')],
  ["tool_result", "structured content alone", result('"structuredContent":{"a":["treasure"]}')],
  ["tool_result", "_meta", result('"content":[],"_meta":{"a":{"b":"treasure"}}')],
  ["tool_result", "an unknown member", result('"content":[],"note":"treasure"')],
  ["tool_result", "an error", error('"message":"treasure"')],
  ["tool_result", "an error's data", error('"message":"","data":{"a":["treasure"]}')],
  ["tool_result", "a log line", log('"data":"treasure"')],
  ["tool_result", "a log line's data", log('"data":{"a":["treasure"]}')],
  ["tool_result", "a log line's logger", log('"logger":"treasure","data":""')],
  ["resource", "contents", result('"contents":[{"uri":"file:///plain","text":"treasure"}]')],
  ["resource", "_meta", result('"contents":[{"uri":"file:///plain","_meta":{"a":"treasure"}}]')],
  ["resource", "a log line", log('"data":"treasure"')],
  ["resource", "an error", error('"message":"treasure"')],
  ["prompt", "a message", result('"messages":[{"role":"user","content":{"text":"treasure"}}]')],
  ["prompt", "a description", result('"description":"treasure","messages":[]')],
  ["prompt", "a log line", log('"data":"treasure"')],
  ["prompt", "an error", error('"message":"treasure"')],
  ["prompt ", "completed values", result('"completion":{"values":["treasure"]}')],
  ["prompt ", "an error", error('"message":"treasure"')],
  ["resource ", "completed values", result('"completion":{"values":["treasure"]}')],
  ["tool_description", "all that a tool is described with", result("")],
];
/** Documented as no text; of what tools answer, the whole is for `onToolResult` to look at. */
const others: readonly (readonly [string, Plan])[] = [
  ["a key", result('"content":[],"structuredContent":{"jewel":1}')],
  ["a link's name", block('"type":"resource_link","uri":"file:///a","name":"jewel"')],
  ["a link's URI", block('"type":"resource_link","uri":"file:///jewel","name":"a"')],
  ["a media type", embedded('"text":"","mimeType":"jewel"')],
  ["a block's type", block('"type":"jewel"')],
  ["a block's id", block('"type":"text","text":"a","id":"jewel"')],
  ["a task's id", result('"content":[],"taskId":"jewel"')],
  ["a status", result('"content":[],"status":"jewel"')],
  ["a state", result('"content":[],"requestState":"jewel"')],
  ["a progress token", result('"content":[],"_meta":{"progressToken":"jewel"}')],
];

describe.each(ways)("for a $client client and a $server server", (way) => {
  const send = (source: string, planned: Plan) => {
    plan = planned;
    const [method = "", name = "", members] = asks[source] ?? [];
    return rig.ask(method, members, { way, ...(name && { name }) });
  };

  test.each(texts)("onText reads as %s: %s", async (source, _, planned) => {
    const { said, code } = await send(source, planned);
    expect(code).toBeUndefined();
    expect(said).not.toContain("treasure");
    expect(said).toContain(`no ${source.trim()}`);
  });

  test("onText reads why arguments do not fit, which quotes the schema", async () => {
    const { code, text } = await rig.call("strict", { a: "x" }, { way });
    expect(code).toBe("ARGUMENTS_INVALID");
    expect(text).not.toContain("treasure");
    expect(text).toContain('the property \\"no tool_description b\\"');
  });

  test("why arguments do not fit is left out where a plugin refuses it", async () => {
    const { code, text } = await rig.call("stern", {}, { way });
    expect(code).toBe("ARGUMENTS_INVALID");
    expect(text).toContain("The arguments do not fit the schema");
    expect(text).not.toContain("crown");
    const { plugins = [] } = await rig.last();
    expect(plugins.at(-1)).toMatchObject({ hook: "onText", stage: "review", verdict: "deny" });
  });

  test.each(others)("onToolResult sees %s", async (_, planned) => {
    const { said, code } = await send("tool_result", planned);
    expect(code).toBe("PLUGIN_DENIED");
    expect(said).not.toContain("jewel");
  });
});
