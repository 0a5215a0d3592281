/** What clients answer to servers' questions, put to plugins on its way up. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import { allowAll } from "./gateway.ts";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";
import { openRawClient } from "./raw-client.ts";
import { token } from "./reloading.ts";
import { toHeard } from "./rules-rig.ts";

const porter = `import { type Plugin, allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "porter",
  version: "1.0.0",
  onToolCall: ({ inputResponses = {} }) =>
    JSON.stringify(inputResponses).includes("hunter2") ? deny("no passwords") : allow(),
} satisfies Plugin);
`;
const question =
  '"method":"elicitation/create","params":{"message":"Who?","requestedSchema":{"type":"object","properties":{"who":{"type":"string"}}}}';
const toReply = (who: string): string => `{"action":"accept","content":{"who":"${who}"}}`;
const end = '"result":{"resultType":"complete","content":[],"structuredContent":{"said":"done"}}';

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "porter.ts": porter },
    plugins: [{ use: "./porter.ts" }],
    answer: () => ({ end, asks: [question] }),
    tools: [anyTool("echo")],
    config: {
      clients: { a: { ...token("TOKEN_A"), allow: { ...allowAll, input: ["elicitation"] } } },
    },
  });
}, startMs);
afterAll(() => rig.close());

const legacy = ways.filter(({ client }) => client === "legacy");
test.each(legacy)(
  "an answer that is denied does not go up, and leaves no call waiting ($client, $server)",
  async ({ client, server }) => {
    const raw = await openRawClient(
      client,
      `${rig.url}/mcp/${server}`,
      undefined,
      '{"elicitation":{"form":{}}}',
    );
    const ask = async (who: string) => {
      const messages = await raw.ask({
        method: "tools/call",
        params: '{"name":"echo"}',
        name: "echo",
        reply: toReply(who),
      });
      return { ...toHeard(messages.at(-1) ?? ""), said: messages.join("\n") };
    };
    const { calls, replies, cancelled } = rig.servers[server];
    const { code, said } = await ask("hunter2");
    expect([code, said]).toEqual(["PLUGIN_DENIED", expect.stringContaining("no passwords")]);
    expect(await rig.last()).toMatchObject({ decision: "denied", stage: "consult" });
    expect(calls.map(({ text }) => text).join() + replies.join()).not.toContain("hunter2");
    if (server === "legacy") {
      await eventually(() => cancelled.at(-1) === calls.at(-1)?.id);
      expect(replies.at(-1)).toContain('"error":{"code":-32603,');
    }
    expect((await ask("Ann")).said).toContain('"said":"done"');
  },
);
