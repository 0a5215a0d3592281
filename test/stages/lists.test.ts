import { expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import {
  type AnswerMessage,
  type Cancellation,
  type Failure,
  type ListTarget,
  createSealer,
  failure,
} from "../../src/core/index.ts";
import { type JsonObject, type ListKind, reread, toValue } from "../../src/mcp/index.ts";
import { type ListFacts, createLists } from "../../src/stages/lists.ts";
import { type Listing, type Upstream, createNames } from "../../src/upstreams/index.ts";
import { createFakeLog } from "../http/fakes.ts";
import { openPolicy } from "../policy/open-policy.ts";
import { crypto, handClock, toConfig } from "../stores/ports.ts";

const url = "http://127.0.0.1:9101/mcp";

interface Result {
  readonly nextCursor?: string;
  readonly [list: string]: unknown;
}

const tool = (name: string, description = ""): string =>
  JSON.stringify({ name, description, inputSchema: { type: "object" } });
const resource = (uri: string): string => JSON.stringify({ uri, name: uri });
const template = (uriTemplate: string): string => JSON.stringify({ uriTemplate, name: "t" });
const numbered = (count: number, description = ""): string[] =>
  Array.from({ length: count }, (_, index) => tool(`t${index}`, description));

const keyNames = {
  tools: "name",
  prompts: "name",
  resources: "uri",
  resourceTemplates: "uriTemplate",
};
function toListing(kind: ListKind, texts: readonly string[]): Listing {
  const items = texts.map((text) => {
    const json = reread(text) as JsonObject;
    const value = toValue(json) as Record<string, string>;
    return { key: value[keyNames[kind]] ?? "", json };
  });
  return { items };
}

type Offers = Readonly<Partial<Record<ListKind, readonly string[]>>>;

/** A gateway's lists over upstreams that offer what `offers` says at each moment. */
function open(
  offers: () => Readonly<Record<string, Offers | Failure>>,
  client: Partial<NonNullable<ConfigInput["clients"]>[string]> = {},
  maxResponseBytes = 10 * 1024 * 1024,
) {
  const names = Object.keys(offers());
  const allow = { tools: ["*"], resources: ["*"], prompts: ["*"] };
  const config = toConfig({
    upstreams: Object.fromEntries(names.map((name) => [name, { url }])),
    clients: { a: { auth: "anonymous", allow, ...client }, b: { auth: "anonymous", allow } },
  });
  const clock = handClock();
  const logged: string[] = [];
  const list: (name: string) => Upstream["list"] = (name) => (kind) => {
    const offer = offers()[name] ?? {};
    if ("code" in offer) return Promise.resolve(offer);
    return Promise.resolve(toListing(kind, (offer as Offers)[kind] ?? []));
  };
  const upstreams = {
    names,
    get: (name: string) => (names.includes(name) ? ({ list: list(name) } as Upstream) : undefined),
    era: () => undefined,
    status: () => [],
    close: () => Promise.resolve(),
  };
  const lists = createLists(
    openPolicy(config, clock).policy,
    upstreams,
    createNames(config, { crypto }),
    {
      settings: () => ({ secrets: "redact", hidden: "strip" }),
      maxResponseBytes: () => maxResponseBytes,
    },
    {
      clock,
      log: createFakeLog(logged),
      crypto,
      sealer: createSealer([new Uint8Array(32).fill(3)], "cursor"),
    },
  );
  const factsOf = (more: Partial<ListFacts> = {}): ListFacts => ({
    client: { name: "a", subject: undefined },
    address: undefined,
    endpoint: { upstream: undefined },
    input: { caller: {} as ListFacts["input"]["caller"] },
    signal: {} as Cancellation,
    ...more,
  });
  const ask = async (
    cursor: string | undefined,
    more: Partial<ListFacts> = {},
    target: Partial<ListTarget> = {},
  ): Promise<AnswerMessage | { kind: "deny"; code: string }> => {
    const whole: ListTarget = { kind: "list", list: "tools", upstreams: names, cursor, ...target };
    const answer = await lists.list(factsOf(more), whole);
    return "verdict" in answer ? { kind: "deny", code: answer.code } : answer.message;
  };
  const page = async (...args: Parameters<typeof ask>): Promise<Result> => {
    const answer = await ask(...args);
    if (answer.kind !== "result") throw new Error(JSON.stringify(answer));
    return toValue(answer.result) as Result;
  };
  const all = async (more: Partial<ListFacts> = {}): Promise<string[][]> => {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const { tools, nextCursor } = await page(cursor, more);
      pages.push((tools as { name: string }[]).map(({ name }) => name));
      cursor = nextCursor;
    } while (cursor !== undefined);
    return pages;
  };
  const digest = (list: "tools" | "resources" | "prompts" = "tools", more = {}) =>
    lists.digest(factsOf(more), names, list);
  return { ask, page, all, digest, clock, logged };
}

test("a list of 500 items is given whole, one of 501 in two pages", async () => {
  const whole = open(() => ({ u: { tools: numbered(500) } }));
  expect((await whole.page(undefined)).nextCursor).toBeUndefined();
  const longer = open(() => ({ u: { tools: numbered(499) }, v: { tools: numbered(2) } }));
  const pages = await longer.all();
  expect(pages.map(({ length }) => length)).toEqual([500, 1]);
  expect(pages.flat().slice(498)).toEqual(["u__t498", "v__t0", "v__t1"]);
});

test("a list of more than a MiB is given in pages of less", async () => {
  const { all, page } = open(() => ({ u: { tools: numbered(50, "x".repeat(50_000)) } }));
  const pages = await all();
  expect(pages.flat()).toEqual(numbered(50).map((_, index) => `u__t${index}`));
  expect(pages).toHaveLength(3);
  expect(JSON.stringify(await page(undefined)).length).toBeLessThan(1024 * 1024 + 4_096);
});

test("pages are as small as the client's answers must be, and an item that is larger is left out", async () => {
  const tools = [...numbered(10, "x".repeat(3_000)), tool("huge", "x".repeat(60_000))];
  const { all, page, logged } = open(() => ({ u: { tools } }), {}, 20_000);
  const pages = await all();
  expect(pages.flat()).toEqual(numbered(10).map((_, index) => `u__t${index}`));
  expect(JSON.stringify(await page(undefined)).length).toBeLessThan(20_000);
  expect(logged[0]).toContain('{"upstream":"u","client":"a","count":1}');
});

test("what a client may not use stands on none of its pages", async () => {
  const allow = { tools: ["u/t1*"] };
  const { all } = open(() => ({ u: { tools: numbered(2_000) } }), { allow });
  const shown = (await all()).flat();
  expect(shown).toHaveLength(1_111);
  expect(shown.every((name) => name.startsWith("u__t1"))).toBe(true);
});

test("a cursor of another client, subject, endpoint or list is refused, and so is an old or forged one", async () => {
  const { page, ask, clock } = open(() => ({ u: { tools: numbered(600) } }));
  const { nextCursor } = await page(undefined);
  const denied = { kind: "deny", code: "CURSOR_INVALID" };
  expect(await ask(nextCursor, { client: { name: "b", subject: undefined } })).toEqual(denied);
  expect(await ask(nextCursor, { client: { name: "a", subject: "s" } })).toEqual(denied);
  expect(await ask(nextCursor, { endpoint: { upstream: "u" } })).toEqual(denied);
  expect(await ask(nextCursor, {}, { list: "prompts" })).toEqual(denied);
  expect(await ask("forged")).toEqual(denied);
  expect(await ask("")).toEqual(denied);
  expect(await ask(nextCursor)).toMatchObject({ kind: "result" });
  clock.advance(600_000);
  expect(await ask(nextCursor)).toEqual(denied);
});

test("an upstream's own endpoint gives its pages under its own names", async () => {
  const { all } = open(() => ({ u: { tools: numbered(600) } }));
  const shared = await all();
  const own = await all({ endpoint: { upstream: "u" } });
  expect(own.flat().at(-1)).toBe("t599");
  expect(shared.flat().at(-1)).toBe("u__t599");
});

test("the digest changes with what the caller sees, and with nothing else", async () => {
  let tools = [tool("a"), tool("b")];
  const { digest } = open(() => ({ u: { tools } }), { allow: { tools: ["u/a"] } });
  const before = await digest();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  expect(await digest()).toBe(before);
  tools = [tool("a"), tool("b", "new words"), tool("c")];
  expect(await digest()).toBe(before);
  tools = [tool("a", "new words")];
  const reworded = await digest();
  expect(reworded).not.toBe(before);
  tools = [];
  expect([before, reworded]).not.toContain(await digest());
  const everything = await digest("tools", { client: { name: "b", subject: undefined } });
  tools = [tool("b")];
  expect(await digest("tools", { client: { name: "b", subject: undefined } })).not.toBe(everything);
});

test("the digest of resources speaks of their templates too", async () => {
  let offers: Offers = { resources: [resource("x://a")], resourceTemplates: [template("x://{b}")] };
  const { digest } = open(() => ({ u: offers }));
  const before = await digest("resources");
  offers = { ...offers, resourceTemplates: [template("x://{c}")] };
  const after = await digest("resources");
  expect(after).not.toBe(before);
  offers = { ...offers, resources: [] };
  expect(await digest("resources")).not.toBe(after);
});

test("there is no digest where every upstream fails, and one of the others where one fails", async () => {
  const down = failure("UPSTREAM_UNAVAILABLE", "down");
  let u: Offers | Failure = down;
  let v: Offers | Failure = down;
  const { digest } = open(() => ({ u, v }));
  expect(await digest()).toBeUndefined();
  v = { tools: [tool("a")] };
  const one = await digest();
  expect(one).toBeDefined();
  u = { tools: [tool("a")] };
  expect(await digest()).not.toBe(one);
});
