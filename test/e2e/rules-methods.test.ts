/** Rules hold for every method alike: each row of the methods table is proven, and a new one has to be. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Era, methods } from "../../src/mcp/index.ts";
import { allowAll, authA, authB, modernRequest, post, tokenA, tokenB } from "./gateway.ts";
import { type PlainRequest, startPlainServer } from "./plain-server.ts";
import type { Call, Plan } from "./recording-server.ts";
import { a, runReloading } from "./reloading.ts";
import { type RulesRig, type Transport, anything, openRulesRig } from "./rules-rig.ts";

const secret = "AKIA" + "IOSFODNN7EXAMPLZ";
const words = ["hidden", "guarded", "dear", "shown", "stuck", "plain"] as const;
type Word = (typeof words)[number];
const uriOf = (word: string): string => `file:///${word}/1`;
const onAll = (word: Word) => ({
  tools: [`x/${word}`],
  prompts: [`x/${word}`],
  resources: [`x/file:///${word}/*`],
});

function answer({ text }: Call): Plan {
  if (text.includes("stuck")) return { end: "", isStuck: true };
  const values = '"completion":{"values":["hidden/2","open/2"]}';
  const items = `"content":[],"messages":[],"contents":[{"uri":"file:///x","text":"${secret}"}]`;
  return { end: `"result":{"resultType":"complete",${values},${items},"_meta":{"x":"${secret}"}}` };
}

const ways: readonly [Era, Era, Transport][] = [
  ["modern", "modern", "http"],
  ["modern", "legacy", "stdio"],
  ["legacy", "modern", "stdio"],
  ["legacy", "legacy", "http"],
];

describe.each(ways)("for a %s client and a %s server on %s", (era, server, transport) => {
  let rig: RulesRig;
  const asked = new Set<string>();
  beforeAll(async () => {
    rig = await openRulesRig({
      client: era,
      server,
      transport,
      answer,
      lists: {
        tools: words.map((word) => anything(word)),
        prompts: words.map((word) => `{"name":"${word}"}`),
        resources: words.map((word) => `{"uri":"${uriOf(word)}","name":"${word}"}`),
        resourceTemplates: ["{+path}", ...words.map((word) => `${word}/{n}`)].map(
          (path) => `{"uriTemplate":"file:///${path}","name":"t"}`,
        ),
      },
      rules: [
        { name: "hide", on: onAll("hidden"), then: "deny" },
        {
          name: "guard",
          on: onAll("guarded"),
          when: ({ method }) => {
            asked.add(method);
            return true;
          },
          then: "deny",
          why: "Guarded",
        },
        { name: "dear", on: onAll("dear"), rate: { burst: 1, perSecond: 0.001 } },
        { name: "show", on: onAll("shown"), sanitize: { secrets: "off" } },
        { name: "soon", on: onAll("stuck"), timeoutMs: 120 },
        { name: "none-for-b", on: "*", clients: ["b"], then: "deny" },
      ],
      config: {
        clients: {
          a: { auth: authA, allow: allowAll },
          b: { auth: authB, allow: allowAll },
        },
      },
    });
  });
  afterAll(() => rig.close());

  const calls = (): number => rig.server.calls.length;
  const listOf = async (method: string, member: string, key: string): Promise<string[]> => {
    const { result } = await rig.ask(method);
    const items = result?.[member] as Record<string, string>[] | undefined;
    return items?.map((item) => item[key] ?? "") ?? [];
  };
  /** Hidden, guarded, counted, cleaned and timed as the rules say. */
  const holds = async (
    method: string,
    membersOf: (word: Word) => string,
    nameOf?: (word: Word) => string,
  ): Promise<void> => {
    const ask = (word: Word) =>
      rig.ask(method, membersOf(word), nameOf === undefined ? {} : { name: nameOf(word) });
    const before = calls();
    expect((await ask("hidden")).code).toBe("TARGET_UNKNOWN");
    const guarded = await ask("guarded");
    expect(guarded.code).toBe("RULE_DENIED");
    expect(guarded.text).toContain("Guarded");
    expect([...asked]).toContain(method);
    expect(calls()).toBe(before);
    expect((await ask("plain")).text).not.toContain(secret);
    expect((await ask("shown")).text).toContain(secret);
    expect((await ask("stuck")).code).toBe("UPSTREAM_TIMEOUT");
    await ask("dear");
    expect((await ask("dear")).code).toBe("RATE_EXCEEDED");
  };
  const answersItself = async (method: string, members = ""): Promise<void> => {
    const before = calls();
    const { result } = await rig.ask(method, members);
    expect(result).toBeDefined();
    expect(calls()).toBe(before);
  };
  /** Whom the rules leave nothing to is at no endpoint. */
  const isNowhere = async (method: string, params: Record<string, unknown> = {}): Promise<void> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const legacy = {
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body,
    };
    const request = era === "modern" ? modernRequest(method, params) : legacy;
    expect((await post(`${rig.gateway.url}/mcp/x`, request, tokenB)).text).toContain(
      "PATH_UNKNOWN",
    );
    expect((await post(`${rig.gateway.url}/mcp/x`, request, tokenA)).text).toContain(
      '"capabilities"',
    );
  };
  const tells = async (method: string): Promise<void> => {
    const before = calls();
    const raw = await rig.client("a");
    const [text = ""] = await raw.notify(method);
    expect([text, calls()]).toEqual(["", before]);
  };
  const shownWords = words.filter((word) => word !== "hidden");
  const refOf = (type: string, key: string, value: string): string =>
    `"ref":{"type":"ref/${type}","${key}":"${value}"},"argument":{"name":"n","value":""}`;
  const initialize = {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "b", version: "1" },
  };

  const proofs: Record<string, () => Promise<void>> = {
    "server/discover": () => isNowhere("server/discover"),
    initialize: () => isNowhere("initialize", initialize),
    ping: () => answersItself("ping"),
    "logging/setLevel": () => answersItself("logging/setLevel", '"level":"error"'),
    "notifications/initialized": () => tells("notifications/initialized"),
    "notifications/cancelled": () => tells("notifications/cancelled"),
    "notifications/progress": () => tells("notifications/progress"),
    "notifications/roots/list_changed": () => tells("notifications/roots/list_changed"),
    "tools/list": async () =>
      expect(await listOf("tools/list", "tools", "name")).toEqual(shownWords),
    "prompts/list": async () =>
      expect(await listOf("prompts/list", "prompts", "name")).toEqual(shownWords),
    "resources/list": async () =>
      expect(await listOf("resources/list", "resources", "uri")).toEqual(shownWords.map(uriOf)),
    "resources/templates/list": async () =>
      expect(await listOf("resources/templates/list", "resourceTemplates", "uriTemplate")).toEqual([
        "file:///{+path}",
        ...shownWords.map((word) => `file:///${word}/{n}`),
      ]),
    "tools/call": () =>
      holds(
        "tools/call",
        (word) => `"name":"${word}"`,
        (word) => word,
      ),
    "prompts/get": () =>
      holds(
        "prompts/get",
        (word) => `"name":"${word}"`,
        (word) => word,
      ),
    "resources/read": () => holds("resources/read", (word) => `"uri":"${uriOf(word)}"`, uriOf),
    "completion/complete": async () => {
      const before = calls();
      for (const [type, key, toRef] of [
        ["prompt", "name", (word: string) => word],
        ["resource", "uri", (word: string) => `file:///${word}/{n}`],
      ] as const) {
        const complete = (word: string) =>
          rig.ask("completion/complete", refOf(type, key, toRef(word)));
        expect((await complete("hidden")).code).toBe("TARGET_UNKNOWN");
        expect((await complete("guarded")).code).toBe("RULE_DENIED");
        expect([...asked]).toContain("completion/complete");
        expect(calls()).toBe(before);
      }
      const about = refOf("resource", "uri", "file:///{+path}").replace('"n"', '"path"');
      const { result } = await rig.ask("completion/complete", about);
      expect(result?.["completion"]).toEqual({ values: ["open/2"] });
    },
    "subscriptions/listen": async () => {
      const uris = JSON.stringify(["hidden", "guarded", "plain"].map(uriOf));
      const raw = await rig.client("a");
      const members = `"notifications":{"resourceSubscriptions":${uris}}`;
      const [acknowledged = ""] = await raw.first("subscriptions/listen", members);
      expect(acknowledged).toContain(`"resourceSubscriptions":["${uriOf("plain")}"]`);
      expect([...asked]).toContain("subscriptions/listen");
      const dear = `"notifications":{"resourceSubscriptions":["file:///dear/9"]}`;
      await raw.first("subscriptions/listen", dear);
      expect((await raw.first("subscriptions/listen", dear)).join()).toContain("RATE_EXCEEDED");
      expect((await rig.gateway.records()).at(-1)).toMatchObject({
        method: "subscriptions/listen",
        rules: [{ name: "dear", then: "rate" }],
      });
    },
    "resources/subscribe": async () => {
      const follow = async (word: string) =>
        (await rig.ask("resources/subscribe", `"uri":"${uriOf(word)}"`)).code;
      expect(await follow("hidden")).toBe("TARGET_UNKNOWN");
      expect(await follow("guarded")).toBe("RULE_DENIED");
      expect(await follow("plain")).toBeUndefined();
    },
    "resources/unsubscribe": async () => {
      const leave = async (word: string) =>
        (await rig.ask("resources/unsubscribe", `"uri":"${uriOf(word)}"`)).code;
      expect(await leave("hidden")).toBe("TARGET_UNKNOWN");
      expect(await leave("dear")).toBeUndefined();
      expect(await leave("dear")).toBeUndefined();
    },
  };
  const rows = [...methods].filter(
    ([name, { eras }]) => eras.includes(era) && !name.startsWith("tasks/"),
  );

  test.each(rows.map(([name]) => name))("%s is under the rules", async (method) => {
    await proofs[method]?.();
    expect(Object.keys(proofs)).toContain(method);
  });
});

describe("a task", () => {
  const tasks = "io.modelcontextprotocol/tasks";
  const meta = { "io.modelcontextprotocol/clientCapabilities": { extensions: { [tasks]: {} } } };
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function open(rules: readonly object[]) {
    const server = await startPlainServer(
      { tools: {}, extensions: { [tasks]: {} } },
      (request: PlainRequest) => {
        const { method } = request;
        if (method === "tools/list")
          return { tools: [{ name: "make", inputSchema: { type: "object" } }] };
        if (method === "tools/call")
          return { resultType: "task", taskId: "t", status: "working", ttlMs: 60_000 };
        if (method !== "tasks/get") return {};
        const result = { content: [{ type: "text", text: secret }] };
        return { taskId: "t", status: "completed", ttlMs: 60_000, result };
      },
    );
    const configOf = (own: readonly object[]) => ({
      upstreams: { x: { url: server.url } },
      clients: { a },
      rules: own,
    });
    const gateway = await runReloading(configOf(rules));
    ends.push(gateway.close, server.close);
    const ask = async (method: string, params: Record<string, unknown>) => {
      const taskId = params["taskId"];
      const named = typeof taskId === "string" ? { "mcp-name": taskId } : {};
      const request = modernRequest(method, params, { meta, headers: named });
      return post(`${gateway.url}/mcp/x`, request);
    };
    const make = async (args: object = {}): Promise<string> =>
      (await ask("tools/call", { name: "make", arguments: args })).json().result?.[
        "taskId"
      ] as string;
    return {
      ask,
      make,
      server,
      records: gateway.records,
      change: (own: readonly object[]) => gateway.change(configOf(own)),
    };
  }
  const bare = {
    name: "bare",
    on: "x/make",
    when: { args: { as: "is" } },
    sanitize: { secrets: "off" },
  };

  test("is cleaned as the rules said that its call matched", async () => {
    const { ask, make } = await open([bare]);
    const [plain, asIs] = [await make(), await make({ as: "is" })];
    expect((await ask("tasks/get", { taskId: plain })).text).not.toContain(secret);
    const got = await ask("tasks/get", { taskId: asIs });
    expect(got.text).toContain(secret);
    const again = got.json().result?.["taskId"];
    expect((await ask("tasks/get", { taskId: again })).text).toContain(secret);
  });

  test("is cleaned as those rules say now", async () => {
    const { ask, make, change } = await open([bare]);
    const taskId = await make({ as: "is" });
    await change([{ ...bare, mode: "shadow" }]);
    expect((await ask("tasks/get", { taskId })).text).not.toContain(secret);
    await change([{ ...bare, sanitize: { secrets: "deny" } }]);
    expect((await ask("tasks/get", { taskId })).text).toContain("RESPONSE_WITHHELD");
  });

  test.each(["tasks/get", "tasks/update", "tasks/cancel"])(
    "is out of reach of %s once its tool is hidden",
    async (method) => {
      const { ask, make, server, change } = await open([]);
      const taskId = await make();
      await change([{ name: "no", on: "x/make", then: "deny", clients: ["a"] }]);
      expect((await ask(method, { taskId })).text).toContain("TARGET_UNKNOWN");
      expect(server.requests.some((each) => each.method === method)).toBe(false);
    },
  );

  test("is asked for without the arguments that a rule sets", async () => {
    const { ask, make, server } = await open([
      { name: "pin", on: "x/make", set: { region: "eu" } },
    ]);
    const taskId = await make();
    await ask("tasks/get", { taskId });
    expect(server.requests.at(-2)?.params).toMatchObject({ arguments: { region: "eu" } });
    expect(server.requests.at(-1)?.params).not.toHaveProperty("arguments");
  });

  test("is counted once, however often it is looked at", async () => {
    const { ask, make } = await open([
      { name: "dear", on: "x/make", rate: { burst: 1, perSecond: 0.001 } },
    ]);
    const taskId = await make();
    for (let round = 0; round < 3; round++) {
      expect((await ask("tasks/get", { taskId })).json().result).toBeDefined();
    }
    expect((await ask("tools/call", { name: "make" })).text).toContain("RATE_EXCEEDED");
  });

  test("has every method proven", () => {
    const ofTasks = [...methods.keys()].filter((name) => name.startsWith("tasks/"));
    expect(ofTasks.toSorted()).toEqual(["tasks/cancel", "tasks/get", "tasks/update"]);
  });
});
