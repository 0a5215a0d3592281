/** What plugins say of what servers ask clients for, of each kind, between clients and servers of both eras. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import { allowAll } from "./gateway.ts";
import {
  type PluginsRig,
  type Way,
  anyTool,
  openPluginsRig,
  startMs,
  ways,
} from "./plugins-rig.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { token } from "./reloading.ts";
import { type Heard, toHeard } from "./rules-rig.ts";

/** Looks at each thing that is asked for, and refuses by words in it, or by its kind. */
const doorman = `import { type Plugin, allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "doorman",
  version: "1.0.0",
  onInputRequest: ({ method, params }, ctx) => {
    ctx.log.info("asked " + [ctx.method, method, ctx.upstream.name, ctx.tool?.name].join(" "));
    if (JSON.stringify(params ?? {}).includes("ask-deny")) return deny("no " + method + " here");
    return method === "roots/list" && ctx.tool?.name === "rootless" ? deny("no roots") : allow();
  },
} satisfies Plugin);
`;

const sample = (words: string): string =>
  `"method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"${words}"}}],"systemPrompt":"treasure","maxTokens":5}`;
const elicit = (words: string): string =>
  `"method":"elicitation/create","params":{"message":"${words}","requestedSchema":{"type":"object","properties":{}}}`;
const roots = '"method":"roots/list"';
const end = `"result":{"resultType":"complete","content":[],"messages":[],"structuredContent":{"said":"done"}}`;
const capabilities = '{"elicitation":{"form":{}},"sampling":{},"roots":{}}';
const secret = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;

let rig: PluginsRig;
let asks: readonly string[] = [];
beforeAll(async () => {
  const input = ["elicitation", "sampling", "roots"];
  const rate = { burst: 10_000, perSecond: 10_000 };
  rig = await openPluginsRig({
    files: { "doorman.ts": doorman },
    plugins: [{ use: "./doorman.ts" }],
    answer: () => ({ end, asks }),
    tools: [anyTool("echo"), anyTool("rootless")],
    config: {
      clients: { a: { ...token("TOKEN_A"), allow: { ...allowAll, input }, rate } },
      sanitize: { secrets: "deny" },
    },
  });
}, startMs);
afterAll(() => rig.close());

const clients = new Map<string, Promise<RawClient>>();
function clientOf({ client, server }: Way): Promise<RawClient> {
  const key = `${client} ${server}`;
  const url = `${rig.url}/mcp/${server}`;
  const opened = clients.get(key) ?? openRawClient(client, url, undefined, capabilities);
  clients.set(key, opened);
  return opened;
}
interface How {
  readonly method?: string;
  readonly name?: string;
  readonly reply?: string;
}
/** A call of a server that asks for these things before it answers. */
async function call(way: Way, wanted: readonly string[], how: How = {}) {
  const { method = "tools/call", name = "echo", reply = "{}" } = how;
  const raw = await clientOf(way);
  const meta = raw.meta === "" ? "" : `,"_meta":{${raw.meta}}`;
  asks = wanted;
  const before = rig.servers[way.server].replies.length;
  const messages = await raw.ask({ method, params: `{"name":"${name}"${meta}}`, name, reply });
  const heard: Heard = toHeard(messages.at(-1) ?? "");
  const replies = (): readonly string[] => rig.servers[way.server].replies.slice(before);
  return { ...heard, messages, said: messages.join("\n"), replies };
}

describe.each(ways)("for a $client client and a $server server", (way) => {
  const { client, server } = way;

  /** A server of the legacy era waits for answers; it is told that none come, and not why. */
  async function expectGivenUp(replies: () => readonly string[], count: number): Promise<void> {
    if (server === "modern") return expect(replies()).toEqual([]);
    const { calls, cancelled } = rig.servers.legacy;
    await eventually(() => replies().length === count && cancelled.at(-1) === calls.at(-1)?.id);
    for (const reply of replies()) expect(reply).toContain('"error":{"code":-32603,');
    expect(replies().join()).not.toMatch(/doorman|plugin|ask-deny|no roots/i);
  }

  test.each([
    ["sampling", sample("ask-deny"), "no sampling/createMessage here", "echo"],
    ["an elicitation", elicit("ask-deny treasure"), "no elicitation/create here", "echo"],
    ["roots", roots, "no roots", "rootless"],
  ])("%s that is denied asks the client nothing and ends the call", async (_, ask, why, name) => {
    const { code, result, messages, said, replies } = await call(way, [ask], { name });
    expect(code).toBe("PLUGIN_DENIED");
    expect(result?.isError).toBe(true);
    expect(messages).toHaveLength(1);
    expect(said).toContain(why);
    expect(said).not.toMatch(/treasure|inputRequests|requestState|"method"/);
    expect(await rig.last()).toMatchObject({
      decision: "denied",
      stage: "review",
      code: "PLUGIN_DENIED",
      why,
      plugins: [{ name: "doorman", hook: "onInputRequest", verdict: "deny" }],
    });
    await rig.logs(`asked tools/call ${/"method":"([^"]+)/.exec(ask)?.[1]} ${server} ${name}`);
    await expectGivenUp(replies, 1);
  });

  test("one of several that is denied lets none of them through", async () => {
    const wanted = [sample("treasure"), roots, elicit("ask-deny"), elicit("treasure")];
    const { code, messages, said, replies } = await call(way, wanted);
    expect(code).toBe("PLUGIN_DENIED");
    expect(messages).toHaveLength(1);
    expect(said).not.toMatch(/treasure|inputRequests|requestState|"method"/);
    const { plugins = [] } = await rig.last();
    expect(plugins.map(({ verdict }) => verdict)).toEqual(["allow", "deny"]);
    await expectGivenUp(replies, wanted.length);
  });

  test("a prompt's question that is denied is an error, and asks the client nothing", async () => {
    const how = { method: "prompts/get", name: "greet" };
    const { code, error, said, replies } = await call(way, [sample("ask-deny")], how);
    expect(code).toBe("PLUGIN_DENIED");
    expect(error).toBeDefined();
    expect(said).not.toMatch(/treasure|inputRequests/);
    await expectGivenUp(replies, 1);
  });

  test.each([
    [
      "sampling",
      sample("hello"),
      '{"role":"assistant","model":"m","content":{"type":"text","text":"hi"}}',
    ],
    ["roots", roots, '{"roots":[{"uri":"file:///home"}]}'],
  ])("%s that is allowed reaches the client, and its answer the server", async (_, ask, reply) => {
    const { said, replies } = await call(way, [ask], { reply });
    expect(said).toContain(/"method":"[^"]+"/.exec(ask)?.[0]);
    if (client === "modern") return expect(said).toContain('"inputRequests"');
    expect(said).toContain('"said":"done"');
    const got = server === "legacy" ? replies().join() : rig.servers.modern.calls.at(-1)?.text;
    expect(got).toContain(reply);
  });

  test("a question that is withheld for what is in it leaves no call waiting either", async () => {
    const { code, said, replies } = await call(way, [elicit(secret)]);
    expect(code).toBe("RESPONSE_WITHHELD");
    expect(said).not.toContain(secret);
    await expectGivenUp(replies, 1);
  });
});

test.each(ways)(
  "a server whose questions are denied shuts nobody out of questions ($client, $server)",
  async (way) => {
    for (let round = 0; round < 40; round++) {
      expect((await call(way, [elicit("ask-deny")])).code).toBe("PLUGIN_DENIED");
    }
    const { code, said } = await call(way, [elicit("May I?")], {
      reply: '{"action":"accept","content":{}}',
    });
    expect(code).toBeUndefined();
    expect(said).toContain("May I?");
  },
  30_000,
);
