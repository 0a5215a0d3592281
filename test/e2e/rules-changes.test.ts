/** Rules that come, go and end while clients look. */
import { afterEach, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/index.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { openEvents } from "./events.ts";
import { modernRequest, post } from "./gateway.ts";
import {
  type HttpRecorder,
  notification,
  startHttpRecorder,
  subscriptionKey,
} from "./recording-server.ts";
import { type Reloading, a, runReloading } from "./reloading.ts";
import { anything, ok } from "./rules-rig.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const region = '{"type":"object","properties":{"region":{}},"required":["region"]}';

async function open(rules: readonly object[], clock?: Clock) {
  const server: HttpRecorder = await startHttpRecorder({
    era: "modern",
    answer: () => ok,
    lists: { tools: [anything("t", region), anything("u")] },
  });
  const configOf = (own: readonly object[]) => ({
    upstreams: { x: { url: server.url } },
    roles: { late: { allow: { prompts: ["x/*"] }, until: "2030-06-15" } },
    clients: { a: { ...a, allow: { tools: ["*"], resources: ["*"] }, roles: ["late"] } },
    rules: own,
  });
  const gateway: Reloading = await runReloading(
    configOf(rules),
    clock === undefined ? {} : { clock },
  );
  ends.push(gateway.close, server.close);
  const ask = (method: string, params: Record<string, unknown> = {}) =>
    post(`${gateway.url}/mcp/x`, modernRequest(method, params));
  return {
    server,
    ask,
    url: `${gateway.url}/mcp/x`,
    change: (own: readonly object[]) => gateway.change(configOf(own)),
    call: async (name: string) =>
      /TARGET_UNKNOWN/.test((await ask("tools/call", { name, arguments: { region: "us" } })).text),
    tools: async () => (await ask("tools/list")).json().result?.tools?.map(({ name }) => name),
  };
}

async function subscribe(url: string, wish: object) {
  const request = modernRequest("subscriptions/listen", { notifications: wish });
  const stream = await openEvents(url, { method: "POST", ...request });
  ends.unshift(async () => stream.leave());
  await stream.next();
  return stream;
}

describe("a list that clients know", () => {
  test.each([
    ["pins an argument", { name: "r", on: "x/t", set: { region: "eu" } }],
    ["gives one a default", { name: "r", on: "x/t", defaults: { region: "eu" } }],
    ["hides a tool", { name: "r", on: "x/t", then: "deny" }],
  ])("has changed for them where a rule %s", async (_, rule) => {
    const { url, change } = await open([]);
    const stream = await subscribe(url, { toolsListChanged: true });
    await change([rule]);
    expect((await stream.next())?.message.method).toBe("notifications/tools/list_changed");
  });

  test("has not where a rule shows nothing else", async () => {
    const { url, change } = await open([]);
    const stream = await subscribe(url, { toolsListChanged: true });
    await change([{ name: "r", on: "x/t", set: { region: "eu" }, mode: "shadow" }]);
    await change([{ name: "r", on: "x/t", when: { args: { n: 1 } }, set: { region: "eu" } }]);
    await change([{ name: "r", on: "x/u", then: "deny" }]);
    const told = (await stream.next())?.message.method;
    stream.leave();
    expect(told).toBe("notifications/tools/list_changed");
  });
});

test("a rule and a role are there to the end of their last day, and gone the next", async () => {
  const { clock: own } = await openRuntime();
  let now = Date.parse("2030-06-15T23:59:59.999Z");
  const { tools, call, ask } = await open(
    [{ name: "r", on: "x/t", then: "deny", until: "2030-06-15" }],
    { ...own, now: () => now },
  );
  const prompt = async () => (await ask("prompts/list")).json().result?.["prompts"];
  expect([await tools(), await call("t")]).toEqual([["u"], true]);
  const recorded = async () => (await ask("prompts/get", { name: "p" })).text;
  expect(await prompt()).toEqual([]);
  expect(await recorded()).toContain("TARGET_UNKNOWN");
  now += 1;
  expect([await tools(), await call("t")]).toEqual([["t", "u"], false]);
});

describe("a stream of changes", () => {
  const guard = {
    name: "guard",
    on: { resources: ["x/file:///tree/secret"] },
    when: { address: { glob: "*" } },
    then: "deny",
  };
  const tell = (server: HttpRecorder, uri: string): void =>
    server.tell((id) =>
      notification(
        "notifications/resources/updated",
        `{"uri":"${uri}","_meta":{"${subscriptionKey}":${id}}}`,
      ),
    );

  test.each([
    ["from the start", [guard], []],
    ["from a reload on", [], [[guard]]],
  ])("tells nothing of a part that a rule with conditions refuses, %s", async (_, first, later) => {
    const { server, url, change } = await open(first);
    const stream = await subscribe(url, { resourceSubscriptions: ["file:///tree"] });
    for (const rules of later) await change(rules);
    while (!server.isFollowed("file:///tree"))
      await new Promise((resolve) => setImmediate(resolve));
    tell(server, "file:///tree/secret");
    tell(server, "file:///tree/open");
    expect((await stream.next())?.message.params?.uri).toBe("file:///tree/open");
  });
});
