/** What plugin files do with texts and lists, in each direction and of each source, in both eras. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type PluginsRig,
  type Way,
  anyTool,
  openPluginsRig,
  startMs,
  ways,
} from "./plugins-rig.ts";

/** Acts on the words that name the source it is asked about. */
const reader = `import { type Span, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export default definePlugin({
  name: "reader",
  version: "1.0.0",
  onText: (text, { source, direction, client, upstream }) => {
    const who = client.id + " at " + upstream.name;
    if (source === "tool_description" && who === "b at legacy") return deny("not for b");
    if (text.includes(source + "-deny")) return deny("no text of " + source + " " + direction);
    const word = source + "-hide treasure";
    const spans: Span[] = [];
    for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
      spans.push([at, at + word.length, "hidden " + direction]);
    }
    return spans.length === 0 ? allow() : redact(spans);
  },
});
`;
const lister = `import { allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "lister",
  version: "1.0.0",
  onToolList: (tools, { client, upstream }) => {
    if (client.id === "b" && upstream.name === "modern") return deny("no list for b");
    const reworded = tools.map(({ name }) => ({ name, description: "Reworded " + name }));
    return { action: "modify", tools: reworded.filter(({ name }) => name !== "plain") };
  },
});
`;

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "reader.ts": reader, "lister.ts": lister },
    plugins: [{ use: "./reader.ts" }, { use: "./lister.ts" }],
    tools: [
      anyTool("echo"),
      anyTool("plain", "About tool_description-hide treasure"),
      anyTool("unlisted"),
    ],
    config: {
      rules: [
        { name: "unlisted", on: "*/unlisted", then: "deny" },
        {
          name: "no-treasure",
          on: { tools: ["*/echo"] },
          when: { args: { secret: { glob: "*treasure*" } } },
          then: "deny",
        },
        {
          name: "no-hidden",
          on: { tools: ["*/echo"] },
          when: { args: { open: { glob: "*hidden*" } } },
          then: "deny",
        },
      ],
    },
  });
}, startMs);
afterAll(() => rig.close());

/** A message with these words as the text of a source. */
const sends: Readonly<Record<string, (words: string, way: Way) => ReturnType<PluginsRig["ask"]>>> =
  {
    tool_result: (say, way) => rig.call("echo", { say }, { way }),
    tool_arguments: (say, way) => rig.call("echo", { say }, { way }),
    input_request: (ask, way) => rig.call("echo", { ask }, { way, reply: '{"action":"decline"}' }),
    prompt: (say, way) =>
      rig.ask("prompts/get", `"name":"greet","arguments":{"say":${JSON.stringify(say)}}`, {
        name: "greet",
        way,
      }),
    resource: (say, way) => {
      const uri = encodeURI(`file:///${say}`);
      return rig.ask("resources/read", `"uri":"${uri}"`, { name: uri, way });
    },
  };
const toClient = ["tool_result", "input_request", "prompt", "resource"];

describe.each(ways)("for a $client client and a $server server", (way) => {
  const { server } = way;

  test.each(toClient)("onText that denies a %s gives the client nothing of it", async (source) => {
    const { code, text, said } = await sends[source]!(`${source}-deny treasure`, way);
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain(`no text of ${source} to_client`);
    expect(said).not.toContain("treasure");
    const { plugins = [] } = await rig.last();
    expect(plugins.at(-1)).toMatchObject({ hook: "onText", stage: "review", verdict: "deny" });
  });

  test.each(toClient)("onText that redacts a %s decides what the client reads", async (source) => {
    const { said } = await sends[source]!(`a ${source}-hide treasure b`, way);
    expect(said).toContain("a hidden to_client b");
    expect(said).not.toContain("treasure");
  });

  test("onText that denies arguments keeps the call from the server", async () => {
    const before = rig.reached();
    const { code, text } = await sends["tool_arguments"]!("tool_arguments-deny", way);
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain("no text of tool_arguments to_server");
    expect(rig.reached()).toBe(before);
  });

  test.each([
    ["a prompt's arguments", "prompts/get", '"name":"greet","arguments":{"say":"WORDS"}', "greet"],
    [
      "what is to be completed",
      "completion/complete",
      '"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"n","value":"WORDS"}',
      undefined,
    ],
  ])("onText reads %s, too", async (_, method, members, name) => {
    const before = rig.reached();
    const ask = (words: string) =>
      rig.ask(method, members.replace("WORDS", words), { way, ...(name && { name }) });
    expect((await ask("tool_arguments-deny")).code).toBe("PLUGIN_DENIED");
    expect(rig.reached()).toBe(before);
    await ask("tool_arguments-hide treasure");
    const { calls } = rig.servers[server];
    expect(calls.at(-1)?.text).toContain('"hidden to_server"');
    expect(calls.at(-1)?.text).not.toContain("treasure");
  });

  test("onText that redacts arguments decides what arrives, and the policy judges that", async () => {
    const words = "a tool_arguments-hide treasure b";
    expect((await rig.call("echo", { secret: "treasure" }, { way })).code).toBe("RULE_DENIED");
    const { code } = await rig.call("echo", { secret: words, n: 1 }, { way });
    expect(code).toBeUndefined();
    expect(rig.got(server)).toBe('{"secret":"a hidden to_server b","n":1}');
    const before = rig.reached();
    expect((await rig.call("echo", { open: words }, { way })).code).toBe("RULE_DENIED");
    expect(rig.reached()).toBe(before);
  });

  test("onToolList and onText decide how tools are described, and neither shows or hides one", async () => {
    const { result, text } = await rig.ask("tools/list", "", { way });
    const tools = result?.["tools"] as readonly { name: string; description: string }[];
    expect(tools.map(({ name, description }) => [name, description])).toEqual([
      ["echo", "Reworded echo"],
      ["plain", "About hidden to_client"],
    ]);
    expect(text).not.toMatch(/unlisted|treasure/);
    expect((await rig.call("unlisted", {}, { way })).code).toBe("TARGET_UNKNOWN");
  });

  test("a list that is denied to one client gives it nothing, and others have theirs", async () => {
    const { code, text } = await rig.ask("tools/list", "", { way, as: "b" });
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain(server === "modern" ? "no list for b" : "not for b");
    expect(text).not.toMatch(/echo|Reworded|Takes/);
    const { plugins = [], decision } = await rig.last();
    expect(decision).toMatch(/denied|failed/);
    expect(plugins.at(-1)).toMatchObject({ verdict: "deny", stage: "review" });
    expect((await rig.ask("tools/list", "", { way })).text).toContain("Reworded echo");
  });
});
