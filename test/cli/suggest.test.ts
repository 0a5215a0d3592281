/** `mcp-gw suggest`: its lists pass the recording that they are made from, and nothing beside it. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RecordedCall, readCall } from "../../src/audit/index.ts";
import { toSettled } from "../../src/cli/replay-recorded.ts";
import { createCollector } from "../../src/cli/suggest-collect.ts";
import { type AllowLists, toAllowLists } from "../../src/cli/suggest-patterns.ts";
import type { ConfigInput } from "../../src/config/index.ts";
import { openRulesRig } from "../e2e/rules-rig.ts";
import {
  type Folder,
  type Made,
  decideOne,
  makeCalls,
  makeLines,
  openFolder,
  toConfig,
  toInput,
  url,
} from "./recordings.ts";

let folder: Folder;
beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => folder.close());

interface Found {
  readonly clients: Readonly<Record<string, { calls: number; allow: AllowLists; roles: string[] }>>;
  readonly unused?: readonly object[];
  readonly leftOut: { readonly count: number; readonly examples: readonly { target: string }[] };
}
async function suggested(
  paths: readonly string[],
  options: Parameters<Folder["suggest"]>[1] = {},
): Promise<Found & { exit: number }> {
  const { out, exit, err } = await folder.suggest(paths, { json: true, ...options });
  expect(err).toEqual([]);
  return { ...(JSON.parse(out[0] ?? "") as Found), exit };
}

test("what it makes of a gateway's recording passes all of it in a replay, and refuses what is planted beside it", async () => {
  const lists = {
    tools: ["read", "write", "never"].map(
      (name) => `{"name":"${name}","inputSchema":{"type":"object"}}`,
    ),
    prompts: ['{"name":"greet"}'],
    resources: ['{"uri":"file:///a","name":"a"}'],
    resourceTemplates: ['{"uriTemplate":"file:///docs/{name}","name":"d"}'],
  };
  const rig = await openRulesRig({
    rules: [{ name: "no-etc", on: "x/read", when: { args: { path: "/etc" } }, then: "deny" }],
    lists,
  } as Parameters<typeof openRulesRig>[0]);
  await rig.call("read", '{"path":"/tmp"}');
  await rig.call("read", '{"path":"/etc"}');
  await rig.call("write", "{}", "b");
  await rig.call("unheard-of");
  await rig.ask("prompts/get", '"name":"greet"', { name: "greet" });
  await rig.ask("resources/read", '"uri":"file:///a"', { name: "file:///a" });
  await rig.ask("resources/read", '"uri":"file:///docs/p"', { name: "file:///docs/p" });
  await rig.ask(
    "completion/complete",
    '"ref":{"type":"ref/resource","uri":"file:///docs/{name}"},"argument":{"name":"name","value":"q"}',
  );
  const records = await rig.gateway.records();
  await rig.close();
  await folder.write("real.jsonl", records.map((each) => JSON.stringify(each)).join("\n"));

  const { clients, exit } = await suggested(["real.jsonl"]);
  expect(exit).toBe(0);
  expect(clients["a"]?.allow.tools).toEqual(["x/read"]);
  expect(clients["b"]?.allow).toMatchObject({ tools: ["x/write"], resources: [], prompts: [] });

  const auth = (digit: string) => ({ tokenSha256: digit.repeat(64) });
  const config: ConfigInput = {
    upstreams: { x: { url } },
    clients: {
      a: { auth: auth("0"), allow: clients["a"]?.allow as never },
      b: { auth: auth("1"), allow: clients["b"]?.allow as never },
    },
    rules: [{ name: "no-etc", on: "x/read", when: { args: { path: "/etc" } }, then: "deny" }],
  };
  await folder.write("gateway.config.json", JSON.stringify(config));
  const again = await folder.replay(["real.jsonl"], { json: true });
  expect(again.err).toEqual([]);
  expect(JSON.parse(again.out[0] ?? "")).toMatchObject({ changed: 0, undecidable: 0 });
  expect(again.exit).toBe(0);
  const planted: Made[] = [
    { target: "never" },
    { target: "write" },
    { client: "b", target: "read" },
    { target: "Read" },
    { method: "prompts/get", target: "read" },
    { method: "resources/read", target: "file:///ab" },
    { method: "resources/read", target: "file:///docs/q" },
  ];
  for (const call of await makeCalls(planted)) {
    expect(decideOne(toConfig(config), call)).toBe("POLICY_DENIED");
  }
});

describe("the lists", () => {
  const listsOf = (calls: readonly RecordedCall[], siblings?: number) => {
    const collector = createCollector();
    for (const call of calls) {
      const settled = toSettled(call);
      if (typeof settled !== "string") collector.add(call, settled);
    }
    const { used, leftOut } = collector.close();
    const found = used.get("a");
    if (found === undefined) throw new Error("Nothing of the client was found");
    return { leftOut, allow: toAllowLists(found, siblings) };
  };
  const toCalls = (names: readonly string[], more: Made = {}): Promise<readonly RecordedCall[]> =>
    makeCalls(names.map((target) => ({ target, ...more })));

  test("pass every call that passed, refuse those that were refused, and hold nothing else", async () => {
    const method = fc.constantFrom(
      "tools/call",
      "prompts/get",
      "resources/read",
      "completion/complete",
      "tasks/get",
      "resources/subscribe",
    );
    const part = fc.constantFrom("get", "set", "a", "b-c", "d.e", "1");
    const plain = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("_"));
    const uri = fc
      .array(part, { minLength: 1, maxLength: 3 })
      .map((parts) => `file:///${parts.join("/")}`);
    const made = fc
      .tuple(method, plain, uri, fc.boolean(), fc.boolean())
      .map(([how, name, address, isRefused, isUri]): Made => {
        const isResource = how.startsWith("resources/") || (how === "completion/complete" && isUri);
        return {
          method: how,
          target: isResource ? address : name,
          ...(isRefused && { decision: "denied", stage: "authorize", code: "POLICY_DENIED" }),
        };
      });
    const keyOf = ({ method: how, target }: Made): string => {
      const kind = how === "tasks/get" ? "tools/call" : how?.startsWith("resources/") ? "r" : how;
      const isUri = target?.includes("://");
      return `${kind === "completion/complete" ? (isUri ? "r" : "prompts/get") : kind} ${target}`;
    };
    const property = fc.asyncProperty(
      fc.array(made, { minLength: 1, maxLength: 30 }),
      made,
      fc.option(fc.integer({ min: 2, max: 4 }), { nil: undefined }),
      async (all, planted, siblings) => {
        const passed = new Set(all.filter(({ code }) => code === undefined).map(keyOf));
        // What was refused stays refused, so that it must not have passed in another call.
        const sound = all.filter((each) => each.code === undefined || !passed.has(keyOf(each)));
        const calls = await makeCalls(sound);
        const { allow, leftOut } = listsOf(calls, siblings);
        expect(leftOut).toBe(0);
        const config = toConfig(toInput([], allow as never));
        for (const [index, call] of calls.entries()) {
          const wanted = sound[index]?.code ?? "allowed";
          expect(decideOne(config, call)).toBe(wanted);
        }
        if (siblings !== undefined || passed.has(keyOf(planted))) return;
        const [beside] = await makeCalls([planted]);
        expect(decideOne(config, beside!)).toBe("POLICY_DENIED");
      },
    );
    await fc.assert(property, { numRuns: 150 });
  }, 60_000);

  test("hold names exactly, or grouped where so many begin alike and none of them was refused", async () => {
    const names = ["get_a", "get_b", "get_c", "set_a", "x_1", "x_2", "x_3"];
    const calls = await toCalls(names);
    expect(listsOf(calls).allow.tools).toEqual(names.map((name) => `x/${name}`));
    expect(listsOf(calls, 3).allow.tools).toEqual([
      "x/get_*",
      "x/set_a",
      "x/x_1",
      "x/x_2",
      "x/x_3",
    ]);
    const refused = { decision: "denied", stage: "authorize", code: "POLICY_DENIED" } as const;
    const mixed = [...calls, ...(await toCalls(["get_secret"], refused))];
    expect(listsOf(mixed, 3).allow.tools).toEqual(names.map((name) => `x/${name}`).sort());
    const uris = [
      "file:///a",
      "file:///b",
      "file:///c",
      "file:///d/1",
      "file:///d/2",
      "file:///d/3",
    ];
    const read = await toCalls(uris, { method: "resources/read" });
    expect(listsOf(read, 3).allow.resources).toEqual([
      "x/file:///a",
      "x/file:///b",
      "x/file:///c",
      "x/file:///d/*",
    ]);
  });

  test("never hold a pattern that a caller chose, nor a name that is not whole", async () => {
    const calls = [
      ...(await toCalls(["file:///*", "file:///a"], { method: "resources/read" })),
      ...(await toCalls(["n".repeat(1_100)])),
    ];
    const { allow, leftOut } = listsOf(calls);
    expect(allow).toEqual({ tools: [], resources: ["x/file:///a"], prompts: [] });
    expect(leftOut).toBe(2);
  });
});

test("a made-up recording takes no more memory than is kept, and is told of", async () => {
  const [line = ""] = (await makeLines([{ target: "t0" }])).slice(1);
  const lines = Array.from({ length: 10_010 }, (_, at) => line.replace('"a"', `"c${at}"`));
  const templates = Array.from({ length: 1_010 }, (_, at) =>
    line
      .replace("tools/call", "completion/complete")
      .replace('"t0"', `"file:///${at}/{name}"`)
      .replace('"a"', '"c0"'),
  );
  const long = line.replace('"t0"', `"${"t".repeat(1_026)}"`);
  await folder.write("many.jsonl", [...lines, ...templates, long].join("\n"));
  await folder.write("gateway.config.json", JSON.stringify(toInput()));
  const { out, exit } = await folder.suggest(["many.jsonl"], { json: true });
  const found = JSON.parse(out[0] ?? "") as Found & { damaged: { count: number } };
  expect(exit).toBe(1);
  expect(Object.keys(found.clients)).toHaveLength(10_000);
  // Ten clients, and every template: of none of them something was read.
  expect(found.leftOut.count).toBe(10 + 1_010);
  expect(found.damaged.count).toBe(1);
});

test("a client that is called like what objects have by nature is one that the config has not", async () => {
  const made = await makeLines([
    { client: "A", method: "completion/complete", target: "f:///{n}" },
  ]);
  const lines = ["__proto__", "constructor"].map((name) => made[1]?.replace('"A"', `"${name}"`));
  await folder.write("made.jsonl", lines.join("\n"));
  await folder.write("gateway.config.json", JSON.stringify(toInput()));
  expect((await suggested(["made.jsonl"])).leftOut.count).toBe(2);
  const { exit, out } = await folder.replay(["made.jsonl"], { json: true });
  expect([exit, JSON.parse(out[0] ?? "")]).toMatchObject([1, { changed: 2 }]);
});

test("patterns of very many names are found at once", () => {
  const names = Array.from({ length: 60_000 }, (_, at) => `file:///d${at % 20_000}/f${at}`);
  const refused = Array.from({ length: 50_000 }, (_, at) => `file:///e${at}/f`);
  const of = (all: readonly string[]) => ({
    tool: new Map(),
    resource: new Map([["x", new Set(all)]]),
    prompt: new Map(),
  });
  const used = {
    calls: names.length,
    names: of(names),
    refused: of([...refused, "file:///d7/secret"]),
    templates: new Map(),
  };
  const { resources } = toAllowLists(used, 3);
  expect(resources).toHaveLength(19_999 + 3);
  expect(resources).toContain("x/file:///d7/f7");
}, 5_000);

test("grants that nobody used are named, of clients and of roles", async () => {
  const auth = { tokenSha256: "0".repeat(64) };
  const config: ConfigInput = {
    upstreams: { x: { url } },
    roles: {
      staff: { allow: { tools: ["x/set", "x/never"] } },
      past: { allow: { tools: ["*"] }, until: "2020-01-01" },
    },
    clients: {
      a: {
        auth,
        allow: {
          tools: ["x/get", "x/g*", "x/other"],
          resources: ["x/file:///d*"],
          input: ["sampling"],
        },
        roles: ["staff"],
      },
      b: { auth: { tokenSha256: "1".repeat(64) }, allow: { prompts: ["x/*"] } },
    },
  };
  await folder.write("used.config.json", JSON.stringify(config));
  const calls: Made[] = [
    {},
    { target: "set" },
    { method: "completion/complete", target: "file:///{path}" },
    { client: "b", decision: "denied", stage: "authorize", code: "POLICY_DENIED" },
  ];
  await folder.write("used.jsonl", (await makeLines(calls)).join("\n"));
  const { unused, clients, leftOut } = await suggested(["used.jsonl"], {
    config: "used.config.json",
  });
  expect(leftOut).toMatchObject({ count: 1, examples: [{ target: "file:///{path}" }] });
  expect(unused).toEqual([
    { client: "a", kind: "tools", pattern: "x/other" },
    { client: "b", kind: "prompts", pattern: "x/*" },
    { role: "staff", kind: "tools", pattern: "x/never" },
  ]);
  expect(clients).toEqual({
    a: {
      calls: 3,
      allow: {
        tools: ["x/get", "x/set"],
        resources: [],
        prompts: [],
        input: ["sampling"],
      },
      roles: ["staff"],
    },
  });
});

test("the text is a part of a config, and says as comments what else there is", async () => {
  const calls: Made[] = [{ target: 'a"\u202eb' }, { target: "x*y" }];
  await folder.write("made.jsonl", ["damaged", ...(await makeLines(calls))].join("\n"));
  await folder.write("gateway.config.json", JSON.stringify(toInput()));
  const { out, exit } = await folder.suggest(["made.jsonl"]);
  expect(exit).toBe(1);
  expect(out.join("\n")).not.toContain("\u202e");
  const object = `({${out.filter((line) => !line.startsWith("//")).join("\n")}})`;
  // oxlint-disable-next-line no-eval -- what is pasted into a config must mean this
  const { clients } = (0, eval)(object) as Found;
  expect(clients["a"]?.allow.tools?.length).toBe(1);
  expect(out).toContainEqual(expect.stringMatching(/^\/\/ 1 call that passed would be refused:$/));
  expect(out).toContainEqual(
    expect.stringMatching(/^\/\/ 1 damaged line passed over: .*made\.jsonl:1$/),
  );
});

test("a wrong number of siblings is exit 2", async () => {
  expect((await folder.suggest(["made.jsonl"], { patterns: "2" })).exit).toBe(2);
  expect(readCall("x")).toBe("damaged");
});
