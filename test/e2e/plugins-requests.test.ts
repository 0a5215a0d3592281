/** What plugins say of requests that have no hook of their own: a refusal keeps them from happening. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Era } from "../../src/mcp/index.ts";
import { eventually } from "../stores/eventually.ts";
import { tokenA } from "./gateway.ts";
import { type PluginsRig, anyTool, openPluginsRig, startMs } from "./plugins-rig.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { notification } from "./recording-server.ts";
import { toHeard } from "./rules-rig.ts";

/** Notes each request, and refuses those that say so. */
const gatekeeper = `import { type Plugin, allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin({
  name: "gatekeeper",
  version: "1.0.0",
  onRequest: ({ method, params }, ctx) => {
    ctx.log.info("requested " + method + " at <" + ctx.upstream.name + ">, " + ctx.method);
    return JSON.stringify(params ?? {}).includes("request-deny") ? deny("no " + method) : allow();
  },
} satisfies Plugin);
`;
/** Is asked about one upstream alone. */
const picky = `import { definePlugin, deny } from "mcp-gw/plugin";
export default definePlugin({
  name: "picky", version: "1.0.0", match: { on: ["legacy/*"], methods: ["logging/*", "ping"] },
  onRequest: ({ params }) => (JSON.stringify(params ?? {}).includes("picky") ? deny("not here") : { action: "allow" }),
});
`;

let rig: PluginsRig;
beforeAll(async () => {
  rig = await openPluginsRig({
    files: { "gatekeeper.ts": gatekeeper, "picky.ts": picky },
    plugins: [{ use: "./gatekeeper.ts" }, { use: "./picky.ts" }],
    tools: [anyTool("echo")],
    answer: () => ({
      before: ["debug", "error"].map((level) =>
        notification("notifications/message", `{"level":"${level}","data":"a word of ${level}"}`),
      ),
      end: '"result":{"resultType":"complete","content":[]}',
    }),
  });
}, startMs);
afterAll(() => rig.close());

const note = '"note":"request-deny"';
const uri = "file:///plain";
const wish = (more = ""): string =>
  `"notifications":{"toolsListChanged":true,"resourceSubscriptions":["${uri}"]}${more}`;
const hello =
  '"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}';
type Requests = readonly (readonly [method: string, members: string])[];
const requests: Readonly<Record<Era, Requests>> = {
  modern: [
    ["server/discover", ""],
    ["subscriptions/listen", wish()],
    ["tools/list", ""],
    ["resources/templates/list", ""],
    [
      "completion/complete",
      `"ref":{"type":"ref/resource","uri":"${uri}"},"argument":{"name":"n","value":"x"}`,
    ],
  ],
  legacy: [
    ["initialize", hello],
    ["ping", ""],
    ["logging/setLevel", '"level":"debug"'],
    ["resources/subscribe", `"uri":"${uri}"`],
    ["resources/unsubscribe", `"uri":"${uri}"`],
    ["prompts/list", ""],
  ],
};

describe.each([
  ["modern", "/mcp"],
  ["modern", "/mcp/modern"],
  ["legacy", "/mcp"],
  ["legacy", "/mcp/legacy"],
] as const)("for a %s client at %s", (era, path) => {
  let raw: RawClient;
  beforeEach(async () => {
    raw = await openRawClient(era, `${rig.url}${path}`);
  });
  async function ask(method: string, ...members: readonly string[]) {
    const meta = raw.meta && `"_meta":{${raw.meta}}`;
    const params = `{${[...members, meta].filter((each) => each !== "").join(",")}}`;
    const heard = await raw.ask({ method, params });
    return { ...toHeard(heard.at(-1) ?? ""), messages: heard };
  }
  const shown = (own: string): string => (path === "/mcp" ? `${era}+${own}` : own);
  const toShown = (members: string): string => members.replaceAll(uri, shown(uri));

  test.each(requests[era])("%s that is denied does not happen", async (method, members) => {
    const before = rig.reached();
    const { code, error, text, result } = await ask(method, toShown(members), note);
    expect(code).toBe("PLUGIN_DENIED");
    expect(text).toContain(`no ${method}`);
    expect(error?.code).toBe(-31024);
    expect(result).toBeUndefined();
    expect(rig.reached()).toBe(before);
    const upstream = path === "/mcp" && !/complete|subscribe$/.test(method) ? "" : era;
    await rig.logs(`requested ${method} at <${upstream}>, ${method}`);
    expect(await rig.last()).toMatchObject({
      method,
      decision: "denied",
      stage: "consult",
      code: "PLUGIN_DENIED",
      plugins: [{ hook: "onRequest", verdict: "deny" }],
    });
  });

  test.runIf(era === "legacy")(
    "a resource whose subscription is denied is not followed",
    async () => {
      const { isFollowed } = rig.servers.legacy;
      const own = "file:///followed";
      const stream = await raw.listen(shown("file:///else"));
      await eventually(() => isFollowed("file:///else"));
      await ask("resources/subscribe", `"uri":"${shown(own)}"`, note);
      await ask("resources/unsubscribe", `"uri":"${shown("file:///else")}"`, note);
      await ask("resources/subscribe", `"uri":"${shown("file:///third")}"`);
      await eventually(() => isFollowed("file:///third"));
      expect([isFollowed(own), isFollowed("file:///else")]).toEqual([false, true]);
      stream.close();
    },
  );

  test.runIf(era === "legacy")("a level that is denied stays what it was", async () => {
    expect((await ask("logging/setLevel", '"level":"error"')).result).toEqual({});
    expect((await ask("logging/setLevel", '"level":"debug"', note)).code).toBe("PLUGIN_DENIED");
    const name = path === "/mcp" ? "legacy__echo" : "echo";
    const { messages } = await ask("tools/call", `"name":"${name}","arguments":{}`);
    expect(messages.join()).toContain("a word of error");
    expect(messages.join()).not.toContain("a word of debug");
  });

  test.runIf(era === "legacy")(
    "a plugin of one upstream is asked of what concerns all of them",
    async () => {
      expect((await ask("ping", '"note":"picky"')).code).toBe("PLUGIN_DENIED");
      expect((await ask("ping")).result).toEqual({});
      const other = await openRawClient("legacy", `${rig.url}/mcp/modern`);
      const heard = await other.ask({ method: "ping", params: '{"note":"picky"}' });
      expect(toHeard(heard.at(-1) ?? "").result).toEqual({});
    },
  );

  test.runIf(era === "modern")("a subscription that is denied is opened at no server", async () => {
    const ears = rig.servers.modern.ears();
    const { code } = await ask("subscriptions/listen", toShown(wish()), note);
    expect(code).toBe("PLUGIN_DENIED");
    expect(rig.servers.modern.ears()).toBe(ears);
    expect(rig.servers.modern.isFollowed(uri)).toBe(false);
  });

  test.runIf(era === "legacy")("a greeting that is denied opens no session", async () => {
    const headers = {
      authorization: `Bearer ${tokenA}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const body = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{${hello},${note}}}`;
    const response = await fetch(`${rig.url}${path}`, { method: "POST", headers, body });
    expect(await response.text()).toContain("PLUGIN_DENIED");
    expect(response.headers.get("mcp-session-id")).toBeNull();
  });
});
