import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import type { Config, ConfigInput, UpstreamConfig } from "../../src/config/index.ts";
import { Secret, createKeyring } from "../../src/core/index.ts";
import type { InputKind } from "../../src/mcp/index.ts";
import {
  type Upstream,
  type UpstreamPool,
  type Upstreams,
  createUpstreamPool,
} from "../../src/upstreams/index.ts";
import { modern, result, sendJson, startFake } from "./fake-server.ts";
import {
  ask,
  callTool,
  caller,
  eventually,
  json,
  keysOf,
  runtime,
  shown,
  toConfig,
} from "./harness.ts";

const peer = fileURLToPath(new URL("fixtures/peer.js", import.meta.url));
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function createPool(): UpstreamPool {
  const silent = () => undefined;
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const { seals } = createKeyring([], runtime.crypto.randomBytes);
  const about = { folder: tmpdir(), version: "1.2.3", env: process.env, instance: "a" };
  const pool = createUpstreamPool(about, { ...runtime, log, seals });
  closers.push(pool.close);
  return pool;
}

const granting =
  (...kinds: InputKind[]) =>
  () =>
    new Set(kinds);
const none = granting();

function the(upstreams: Upstreams, name = "it"): Upstream {
  const upstream = upstreams.get(name);
  if (upstream === undefined) throw new Error(`No upstream "${name}"`);
  return upstream;
}

const process1 = { command: process.execPath, args: [peer] };

function configOf(it: NonNullable<ConfigInput["upstreams"]>[string], more: ConfigInput = {}) {
  return toConfig({ ...more, upstreams: { it } });
}

async function pidOf(upstreams: Upstreams): Promise<number> {
  const text = shown(await ask(the(upstreams), callTool("pid")));
  return (JSON.parse(text) as { pid: number }).pid;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("two configs that are open at the same time", () => {
  test("share the process of an upstream that is the same in both", async () => {
    const pool = createPool();
    const before = pool.open(configOf(process1), none);
    const pid = await pidOf(before);
    const after = pool.open(configOf(process1), none);
    expect(await pidOf(after)).toBe(pid);
    await before.close();
    expect(await pidOf(after)).toBe(pid);
    await after.close();
    await eventually(() => !isAlive(pid));
  });

  test("have a process each of one that differs, and the old one goes on until it is given back", async () => {
    const pool = createPool();
    const before = pool.open(configOf(process1), none);
    const old = await pidOf(before);
    const after = pool.open(configOf({ ...process1, env: { MORE: "1" } }), none);
    const young = await pidOf(after);
    expect(young).not.toBe(old);
    expect(await pidOf(before)).toBe(old);
    await before.close();
    expect([isAlive(old), isAlive(young)]).toEqual([false, true]);
    expect(shown(await ask(the(before), callTool("pid")))).toBe("UPSTREAM_UNAVAILABLE");
    expect(await pidOf(after)).toBe(young);
  });

  test("share what is known of an upstream: its lists and its era", async () => {
    const server = await startFake(
      modern(({ id }, response) => sendJson(response, result(id, '{"tools":[]}'))),
    );
    closers.push(server.close);
    const pool = createPool();
    const before = pool.open(configOf({ url: server.url }), none);
    await keysOf(the(before), "tools");
    const after = pool.open(configOf({ url: server.url }), none);
    expect(after.era("it")).toBe("modern");
    expect(after.status()).toMatchObject([{ name: "it", state: "up", tools: 0 }]);
    await keysOf(the(after), "tools");
    expect(server.methods()).toEqual(["server/discover", "tools/list"]);
  });

  test("an upstream may ask for what the newest grants, and for what is left when that one goes", async () => {
    const server = await startFake(
      modern(({ id }, response) => sendJson(response, result(id, '{"content":[]}'))),
    );
    closers.push(server.close);
    const capabilities = json('{"elicitation":{"form":{}},"sampling":{}}');
    const told = async (upstreams: Upstreams): Promise<unknown> => {
      await ask(the(upstreams), callTool("t", "{}", caller("web-app", { capabilities })));
      const { _meta } = JSON.parse(server.asked.at(-1)?.params ?? "") as { _meta: object };
      return (_meta as Record<string, unknown>)["io.modelcontextprotocol/clientCapabilities"];
    };
    const pool = createPool();
    const config = configOf({ url: server.url });
    const before = pool.open(config, granting("elicitation:form", "sampling"));
    expect(await told(before)).toEqual({ elicitation: { form: {} }, sampling: {} });
    const after = pool.open(config, granting("sampling"));
    expect(await told(before)).toEqual({ sampling: {} });
    const refused = pool.open(config, none);
    expect(await told(before)).toEqual({});
    await refused.close();
    expect(await told(before)).toEqual({ sampling: {} });
    await before.close();
    expect(await told(after)).toEqual({ sampling: {} });
  });

  test("each have the upstreams that they name, in their order", () => {
    const pool = createPool();
    const [a, b] = [{ url: "http://127.0.0.1:1/a" }, { url: "http://127.0.0.1:1/b" }];
    const before = pool.open(toConfig({ upstreams: { a, b } }), none);
    const after = pool.open(toConfig({ upstreams: { c: a, b } }), none);
    expect([before.names, after.names]).toEqual([
      ["a", "b"],
      ["c", "b"],
    ]);
    expect(after.get("a")).toBeUndefined();
    expect(after.get("c")).not.toBe(before.get("a"));
    expect(after.get("b")).toBe(before.get("b"));
  });
});

describe("an upstream", () => {
  const http: UpstreamConfig = {
    ...configOf({ url: "http://127.0.0.1:1/mcp", headers: { a: "1", b: "2" } }).upstreams["it"]!,
  };
  const stdio = configOf(process1).upstreams["it"]!;

  function isSame(one: UpstreamConfig, other: UpstreamConfig, more?: Config): boolean {
    const pool = createPool();
    const base = configOf(process1);
    const before = pool.open({ ...base, upstreams: { it: one } }, none);
    const after = pool.open({ ...(more ?? base), upstreams: { it: other } }, none);
    return before.get("it") === after.get("it");
  }

  test.each<[string, UpstreamConfig, object]>([
    ["the same settings", http, {}],
    ["what is exposed of it", http, { expose: { tools: ["a*"] } }],
    ["how arguments are met", http, { arguments: "report" }],
    ["what its answers are cleaned of", http, { sanitize: { secrets: "block" } }],
    ["how often it may be called", http, { rate: { perSecond: 1 } }],
    ["the order of its headers", http, { headers: { b: "2", a: "1" } }],
    ["settings that are named and not set", stdio, { more: undefined }],
  ])("is the same one with another config that differs in %s", (_, one, change) => {
    expect(isSame(one, { ...one, ...change } as UpstreamConfig)).toBe(true);
  });

  test.each<[string, UpstreamConfig, object]>([
    ["address", http, { url: "http://127.0.0.1:2/mcp" }],
    ["header", http, { headers: { a: "1", b: "3" } }],
    ["timeout", http, { timeoutMs: 1_000 }],
    ["deadline", http, { deadlineMs: 1_000 }],
    ["setting that is not known yet", http, { more: 1 }],
    ["program", stdio, { command: "other" }],
    ["arguments", stdio, { args: [peer, "legacy"] }],
    ["folder", stdio, { cwd: "other" }],
    ["environment", stdio, { env: { A: "1" } }],
    ["isolation", stdio, { isolate: "shared" }],
  ])("is another one with another %s", (_, one, change) => {
    expect(isSame(one, { ...one, ...change } as UpstreamConfig)).toBe(false);
  });

  test("is another one with another secret, or with a value that is no secret any more", () => {
    const withSecret = (A: string | Secret) => ({ ...stdio, env: { A } }) as UpstreamConfig;
    const one = withSecret(new Secret("hunter22"));
    expect(isSame(one, withSecret(new Secret("hunter22")))).toBe(true);
    expect(isSame(one, withSecret(new Secret("hunter23")))).toBe(false);
    expect(isSame(one, withSecret("hunter22"))).toBe(false);
  });

  test("is another one where a client may receive larger messages than before", () => {
    const capped = (maxResponseBytes: number) =>
      configOf(process1, {
        clients: { c: { auth: { tokenSha256: "0".repeat(64) }, maxResponseBytes } },
      });
    expect(isSame(http, http, capped(1_000))).toBe(true);
    expect(isSame(http, http, capped(900_000_000))).toBe(false);
  });
});

test("a config that is closed twice gives its upstreams back once", async () => {
  const pool = createPool();
  const first = pool.open(configOf(process1), none);
  const second = pool.open(configOf(process1), none);
  const third = pool.open(configOf(process1), none);
  await Promise.all([first.close(), first.close()]);
  await first.close();
  await second.close();
  expect(await pidOf(third)).toBeGreaterThan(0);
});

test("an upstream that nobody used any more is opened anew", async () => {
  const pool = createPool();
  const first = pool.open(configOf(process1), none);
  const pid = await pidOf(first);
  await first.close();
  const second = pool.open(configOf(process1), none);
  await first.close();
  expect(await pidOf(second)).not.toBe(pid);
});

test("the end of the pool ends every upstream, whoever has it, and nothing is opened after it", async () => {
  const pool = createPool();
  const before = pool.open(configOf(process1), none);
  const after = pool.open(configOf({ ...process1, timeoutMs: 5_000 }), none);
  const pids = [await pidOf(before), await pidOf(after)];
  await Promise.all([pool.close(), before.close()]);
  expect(pids.map(isAlive)).toEqual([false, false]);
  await after.close();
  expect(shown(await ask(the(after), callTool("pid")))).toBe("UPSTREAM_UNAVAILABLE");
  expect(() => pool.open(configOf(process1), none)).toThrow("closed");
});
