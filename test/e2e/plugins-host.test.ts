/** What plugin files may ask of the gateway: state and requests, as far as they are granted. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoopbackServer, openServer } from "../sandbox/host/server.ts";
import { type RedisServer, describeRedis, startRedis } from "../stores/redis-server.ts";
import { type PluginsRig, openPluginsRig, startMs } from "./plugins-rig.ts";

/** Lets through as many calls as its config says. */
const counting = (name: string, kv: "client" | "shared") =>
  `import { allow, definePlugin, deny } from "mcp-gw/plugin";

export default definePlugin<{ most: number }>({
  name: "${name}",
  version: "1.0.0",
  permissions: { kv: "${kv}" },
  configSchema: { type: "object", required: ["most"], properties: { most: { type: "integer" } } },
  async onToolCall(_, { kv, config }) {
    const count = await kv.incr("calls", 1, { ttlSeconds: 3600 });
    return count > config.most ? deny("call " + count, "rate_limit") : allow();
  },
});
`;
/** Tries to remember by everything but \`kv\`. */
const forgetful = `import { deny } from "mcp-gw/plugin";
let seen = 0;
const map = new Map();
export default {
  name: "forgetful",
  version: "1.0.0",
  onToolCall(call, { client }) {
    seen++;
    map.set(client.id, seen);
    globalThis.seen = (globalThis.seen ?? 0) + 1;
    Object.prototype.seen = [...(Object.prototype.seen ?? []), client.id];
    Array.prototype.push = () => { throw new Error("polluted"); };
    return deny([seen, map.size, globalThis.seen, Object.prototype.seen].join(" "));
  },
};
`;
const credential = "operators-own-credential-0123456789";
const asking = (origin: string) => `import { allow, deny } from "mcp-gw/plugin";
export default {
  name: "asking",
  version: "1.0.0",
  permissions: { fetch: ["${origin}"] },
  async onToolCall(call, ctx) {
    const url = call.arguments.url ?? "${origin}/judge";
    const told = JSON.stringify(ctx) + Object.keys(globalThis).join();
    try {
      const reply = await ctx.fetch(url, { method: "POST", headers: call.arguments.headers ?? {}, body: told });
      return reply.json().ok ? allow() : deny("the judge says no: " + reply.body + JSON.stringify(reply.headers));
    } catch (error) {
      return deny("failed: " + error.message);
    }
  },
};
`;

describe("with memory", () => {
  let judge: LoopbackServer;
  let rig: PluginsRig;
  beforeAll(async () => {
    judge = await openServer((response, { url, headers }) => {
      const body = url?.includes("echo") ? JSON.stringify(headers) : "{}";
      response.end(url?.includes("yes") ? '{"ok":true}' : body);
    });
    const header = { secret: "JUDGE_KEY" };
    rig = await openPluginsRig({
      secrets: { JUDGE_KEY: credential },
      files: {
        "each.ts": counting("each", "client"),
        "all.ts": counting("all", "shared"),
        "forgetful.js": forgetful,
        "asking.js": asking(judge.origin),
      },
      plugins: [
        {
          use: "./each.ts",
          grants: { kv: "client" },
          config: { most: 2 },
          match: { on: ["*/each"] },
        },
        {
          use: "./all.ts",
          grants: { kv: "shared" },
          config: { most: 2 },
          match: { on: ["*/all"] },
        },
        { use: "./forgetful.js", match: { on: ["*/forgetful"] } },
        {
          use: "./asking.js",
          grants: { fetch: [{ origin: judge.origin, headers: { "x-key": header } }] },
          match: { on: ["*/asking"] },
        },
      ],
      tools: ["each", "all", "forgetful", "asking"].map((name) =>
        JSON.stringify({ name, inputSchema: { type: "object" } }),
      ),
    });
  }, startMs);
  afterAll(async () => {
    await rig.close();
    judge.close();
  });

  test("kv is each client's own, unless it is granted as shared", async () => {
    const codes = async (tool: string) => {
      const [a1, a2, b1] = [
        await rig.call(tool, {}),
        await rig.call(tool, {}),
        await rig.call(tool, {}, { as: "b" }),
      ];
      return [a1, a2, b1].map(({ code }) => code);
    };
    expect(await codes("each")).toEqual([undefined, undefined, undefined]);
    expect(await codes("all")).toEqual([undefined, undefined, "PLUGIN_DENIED"]);
    const before = rig.reached();
    const { text, code } = await rig.call("each", {});
    expect([code, text.includes("call 3")]).toEqual(["PLUGIN_DENIED", true]);
    expect(rig.reached()).toBe(before);
  });

  test("nothing but kv outlives a call, be it of another client or of the same", async () => {
    const said = async (as: "a" | "b") => (await rig.call("forgetful", {}, { as })).text;
    expect(await said("a")).toContain("1 1 1 a");
    expect(await said("b")).toContain("1 1 1 b");
    expect(await said("a")).toContain("1 1 1 a");
  });

  test("fetch reaches what is granted with the operator's header, which the plugin never sees", async () => {
    const url = `${judge.origin}/yes`;
    const headers = { "X-Key": "forged" };
    expect((await rig.call("asking", { url })).code).toBeUndefined();
    const asked = judge.asked.at(-1);
    expect(asked).toMatchObject({ method: "POST", url: "/yes", headers: { "x-key": credential } });
    expect(asked?.body).not.toMatch(
      new RegExp(`${credential}|authorization|JUDGE_KEY|Bearer`, "i"),
    );
    await rig.call("asking", { url, headers });
    expect(judge.asked.map((each) => each.headers["x-key"])).not.toContain("forged");
  });

  test("what fetch is told decides the call", async () => {
    const before = rig.reached();
    const { code, text } = await rig.call("asking", {});
    expect([code, text.includes("the judge says no")]).toEqual(["PLUGIN_DENIED", true]);
    expect(rig.reached()).toBe(before);
  });

  test("an answer that tells the operator's header does not come to the plugin", async () => {
    const { text } = await rig.call("asking", { url: `${judge.origin}/echo` });
    expect(text).toContain("failed: ");
    expect(text).not.toContain(credential);
    expect(JSON.stringify(await rig.records()) + rig.logged.join()).not.toContain(credential);
  });

  test("fetch reaches nothing that is not granted", async () => {
    const other = await openServer((response) => response.end('{"ok":true}'));
    for (const url of [other.origin, `${judge.origin}@${new URL(other.origin).host}`]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { code, text } = await rig.call("asking", { url });
      expect([code, text.includes("failed: ")]).toEqual(["PLUGIN_DENIED", true]);
    }
    expect(other.asked).toEqual([]);
    other.close();
  });
});

describeRedis("with Redis", () => {
  test(
    "two instances count together",
    async () => {
      const redis: RedisServer = await startRedis();
      const open = () =>
        openPluginsRig({
          secrets: { KEY: "a-key-of-two-gateways-of-thirty-two-bytes" },
          files: { "each.ts": counting("each", "client") },
          plugins: [{ use: "./each.ts", grants: { kv: "client" }, config: { most: 3 } }],
          config: { keys: [{ secret: "KEY" }], store: { redis: redis.url, prefix: "plugins:" } },
        });
      const rigs = await Promise.all([open(), open()]);
      const calls = Array.from({ length: 8 }, (_, at) => rigs[at % 2]?.call("echo", {}));
      const codes = (await Promise.all(calls)).map((answer) => answer?.code);
      expect(codes.filter((code) => code === undefined)).toHaveLength(3);
      expect(codes.filter((code) => code === "PLUGIN_DENIED")).toHaveLength(5);
      expect(rigs[0]?.reached()).toBeLessThanOrEqual(3);
      expect((await rigs[1]?.call("echo", {}, { as: "b" }))?.code).toBeUndefined();
      await Promise.all(rigs.map((rig) => rig.close()));
      await redis.close();
    },
    2 * startMs,
  );
});
