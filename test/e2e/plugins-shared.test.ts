/** What plugins are told at the shared endpoint: names and URIs are the upstream's own there, too. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Way,
  type PluginsRig,
  anyTool,
  openPluginsRig,
  startMs,
  ways,
} from "./plugins-rig.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import type { Plan } from "./recording-server.ts";
import { toHeard } from "./rules-rig.ts";

/** Is asked by the upstreams' own names, and refuses by what it reads then. */
const guard = `import { type Plugin, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

const long = "a".repeat(70);
export default definePlugin({
  name: "guard",
  version: "1.0.0",
  match: { on: ["*/guarded*", "*/" + long, "*/file:///guarded*"] },
  onToolCall: ({ name, arguments: args }, { tool, upstream }) => {
    const told = [upstream.name, tool?.name, name].join(" ");
    return args?.["deny"] === true ? deny("at " + (name === long ? "long" : told)) : allow();
  },
  onToolResult: (result, { call }) => {
    const uris = result.content.flatMap((block) =>
      block.type === "resource_link" ? [block.uri] : block.type === "resource" ? [block.resource.uri] : []);
    if (uris.some((uri) => uri.startsWith("file:///etc/"))) return deny("no " + call.name + " of that");
    if (!uris.includes("file:///old")) return allow();
    return { action: "modify", result: { content: [{ type: "resource_link", uri: "file:///new", name: "new" }] } };
  },
  onText: (text, { direction, upstream }) => {
    const at = direction === "to_client" ? text.indexOf("treasure") : -1;
    return at === -1 ? allow() : redact([[at, at + 8, "kept by " + upstream.name]]);
  },
  onResourceRead: ({ uri }) => (uri === "file:///guarded-deny" ? deny("not " + uri) : allow()),
  onPromptGet: ({ name }) => (name === "guarded-deny" ? deny("not " + name) : allow()),
  onRequest: ({ method, params }) => {
    const { uri, ref } = params as { uri?: string; ref?: { name?: string; uri?: string } };
    const about = uri ?? ref?.uri ?? ref?.name;
    return about?.endsWith("guarded-deny") ? deny("not " + method + " of " + about) : allow();
  },
} satisfies Plugin);
`;

const fine: Plan = { end: '"result":{"resultType":"complete","content":[]}' };
const ofBlock = (block: string): Plan => ({
  end: `"result":{"resultType":"complete","content":[${block}]}`,
});
const long = "a".repeat(70);
const tools = ["guarded", "free", long].map((name) => anyTool(name));
let rig: PluginsRig;
let plan: Plan;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "guard.ts": guard },
    plugins: [{ use: "./guard.ts" }],
    answer: () => plan,
    tools,
    prompts: ["guarded-deny"],
  });
}, startMs);
afterAll(() => rig.close());

const clients = new Map<string, Promise<RawClient>>();
function sharedClient({ client }: Way): Promise<RawClient> {
  const opened = clients.get(client) ?? openRawClient(client, `${rig.url}/mcp`);
  clients.set(client, opened);
  return opened;
}

describe.each(ways)("for a $client client and a $server server", (way) => {
  const { client, server } = way;

  async function ask(method: string, members: string, name?: string, planned: Plan = fine) {
    plan = planned;
    const raw = await sharedClient(way);
    const params = [members, raw.meta && `"_meta":{${raw.meta}}`].filter(Boolean).join(",");
    const messages = await raw.ask({ method, params: `{${params}}`, ...(name && { name }) });
    return { ...toHeard(messages.at(-1) ?? ""), said: messages.join("\n") };
  }
  const call = (tool: string, planned?: Plan, args = "{}") => {
    const name = `${server}__${tool}`;
    return ask("tools/call", `"name":"${name}","arguments":${args}`, name, planned);
  };

  test("a tool is asked about by its own name, however it is shown", async () => {
    const before = rig.reached();
    const { code, text } = await call("guarded", fine, '{"deny":true}');
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain(`at ${server} guarded guarded`);
    const { result } = await ask("tools/list", "");
    const shown = ((result?.["tools"] ?? []) as { name: string }[]).map(({ name }) => name);
    const short = shown.find((name) => name.startsWith(`${server}__aaa`)) ?? "";
    expect(short.length).toBeLessThanOrEqual(64);
    const other = await ask("tools/call", `"name":"${short}","arguments":{"deny":true}`, short);
    expect(other.code).toBe("PLUGIN_DENIED");
    expect(other.text).toContain("at long");
    expect(rig.reached()).toBe(before);
    expect((await call("free", fine, '{"deny":true}')).code).toBeUndefined();
  });

  test.each([
    ["a link", '{"type":"resource_link","uri":"file:///etc/passwd","name":"a"}'],
    ["what is embedded", '{"type":"resource","resource":{"uri":"file:///etc/passwd","text":"a"}}'],
  ])("the URI of %s in a result is the upstream's own", async (_, block) => {
    const { code, text, said } = await call("guarded", ofBlock(block));
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain("no guarded of that");
    expect(said).not.toContain("passwd");
  });

  test("a URI that a plugin writes into a result is shown as one of the upstream", async () => {
    const old = ofBlock('{"type":"resource_link","uri":"file:///old","name":"old"}');
    const { said } = await call("guarded", old);
    expect(said).toContain(`"uri":"${server}+file:///new"`);
    expect((await call("free", old)).said).toContain(`"uri":"${server}+file:///old"`);
  });

  test.each([
    ["resources/read", "uri", "file:///guarded-deny"],
    ["prompts/get", "name", "guarded-deny"],
  ])("%s is asked about by the upstream's own name", async (method, member, own) => {
    const before = rig.reached();
    const shown = member === "uri" ? `${server}+${own}` : `${server}__${own}`;
    const { code, text } = await ask(method, `"${member}":"${shown}"`, shown);
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain(`not ${own}`);
    expect(rig.reached()).toBe(before);
  });

  test("a read of what is guarded is put to the text hook, and other reads are not", async () => {
    const contents: Plan = {
      end: '"result":{"resultType":"complete","contents":[{"uri":"file:///a","text":"treasure"}]}',
    };
    const read = (own: string) =>
      ask("resources/read", `"uri":"${server}+${own}"`, `${server}+${own}`, contents);
    const { said } = await read("file:///guarded/a");
    expect(said).toContain(`kept by ${server}`);
    expect(said).toContain(`"uri":"${server}+file:///a"`);
    expect((await read("file:///free")).said).toContain("treasure");
    // A server may take another spelling for the same.
    expect((await read("file:///guard%65d/a")).said).not.toContain("treasure");
  });

  const argument = '"argument":{"name":"n","value":"x"}';
  const ref = (members: string): string => `"ref":{${members}},${argument}`;
  const uri = `${server}+file:///guarded-deny`;
  const requests: readonly (readonly [method: string, members: string])[] = [
    ["completion/complete", ref(`"type":"ref/prompt","name":"${server}__guarded-deny"`)],
    ["completion/complete", ref(`"type":"ref/resource","uri":"${uri}"`)],
    ...(client === "legacy" ? [["resources/subscribe", `"uri":"${uri}"`] as const] : []),
  ];
  test.each(requests)(
    "%s is asked about by the upstream's own name (%s)",
    async (method, members) => {
      const before = rig.reached();
      const { code, text } = await ask(method, members);
      expect(code).toBe("PLUGIN_DENIED");
      expect(text).toMatch(new RegExp(`not ${method} of (file:///)?guarded-deny`));
      expect(rig.reached()).toBe(before);
    },
  );
});
