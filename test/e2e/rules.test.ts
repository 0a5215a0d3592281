/** What each effect of a rule does to a call, between clients and servers of either era. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Era } from "../../src/mcp/index.ts";
import { allowAll, authA, authB } from "./gateway.ts";
import type { Call, Plan } from "./recording-server.ts";
import { type Rules, type RulesRig, type Transport, anything, openRulesRig } from "./rules-rig.ts";

const secret = "AKIA" + "IOSFODNN7EXAMPLZ";
const region =
  '{"type":"object","properties":{"region":{"type":"string"},"n":{"type":"number"}},"required":["region","n"]}';

const rules: Rules = [
  { name: "no-closed", on: "x/closed", then: "deny" },
  {
    name: "no-etc",
    on: "x/read",
    when: { args: { path: { glob: "/etc/*" } } },
    then: "deny",
    why: "Not below /etc",
  },
  {
    name: "one-region",
    on: { tools: ["x/pinned"] },
    set: { region: "eu", opts: { deep: [1, null] } },
  },
  { name: "usual-region", on: "x/defaulted", defaults: { region: "eu" } },
  { name: "team-region", on: "x/by-team", when: { args: { team: "blue" } }, set: { region: "eu" } },
  {
    name: "not-us",
    on: "x/by-team",
    when: { args: { region: "us" } },
    then: "deny",
    why: "Not there",
  },
  { name: "dear", on: "x/dear", rate: { burst: 2, perSecond: 0.001 } },
  {
    name: "dear-for-each",
    on: "x/dear-for-each",
    rate: { burst: 1, perSecond: 0.001, per: "client" },
  },
  { name: "shown", on: "x/shown", sanitize: { secrets: "off" } },
  {
    name: "withheld",
    on: "x/withheld",
    when: { args: { all: true } },
    sanitize: { secrets: "deny" },
  },
  { name: "soon", on: "x/stuck", timeoutMs: 120 },
  { name: "here", on: "x/torn", set: { region: "eu" } },
  { name: "there", on: "x/torn", when: { args: { far: true } }, set: { region: "us" } },
  {
    name: "large",
    on: "x/large",
    when: ({ args, method, kind, client }) =>
      method === "tools/call" && kind === "tool" && client === "a" && Number(args["n"]) > 10,
    then: "deny",
    why: "Too much",
  },
  {
    name: "broken",
    on: "x/broken",
    when: () => {
      throw new Error("no");
    },
    set: { region: "eu" },
  },
  { name: "watched", on: "x/defaulted", then: "deny", mode: "shadow" },
  { name: "trial", on: "x/trial", then: "deny", mode: "shadow" },
  { name: "trial-set", on: "x/trial", set: { region: "eu" }, mode: "shadow" },
  { name: "gone", on: "x/was-closed", then: "deny", until: "2020-01-01" },
  { name: "still", on: "x/still-closed", then: "deny", until: "2999-12-31" },
  { name: "not-for-b", on: "x/of-a", clients: ["b"], then: "deny" },
  { name: "not-for-guests", on: "x/of-staff", roles: ["guests"], then: "deny" },
];
const tools = [
  ..."closed read by-team dear dear-for-each shown withheld plain stuck torn large broken trial was-closed still-closed of-a of-staff"
    .split(" ")
    .map((name) => anything(name)),
  anything("pinned", region),
  anything("defaulted", region),
];
/** What the rules take away from each client. */
const hidden: Record<"a" | "b", readonly string[]> = {
  a: ["closed", "still-closed"],
  b: ["closed", "still-closed", "of-a", "of-staff"],
};

function answer({ text }: Call): Plan {
  if (text.includes('"name":"stuck"')) return { end: "", isStuck: true };
  const said = `{"type":"text","text":"key ${secret}"}`;
  return { end: `"result":{"resultType":"complete","content":[${said}]}` };
}

const pairs = (["http", "stdio"] as const).flatMap((transport) =>
  (["modern", "legacy"] as const).flatMap((server) =>
    (["modern", "legacy"] as const).map((client): [Era, Era, Transport] => [
      client,
      server,
      transport,
    ]),
  ),
);

describe.each(pairs)("for a %s client and a %s server on %s", (client, server, transport) => {
  let rig: RulesRig;
  beforeAll(async () => {
    rig = await openRulesRig({
      client,
      server,
      transport,
      rules,
      answer,
      lists: { tools },
      config: {
        roles: {
          staff: { allow: allowAll },
          guests: { allow: { tools: ["x/*"] } },
          past: { allow: allowAll, until: "2020-01-01" },
        },
        clients: {
          a: { auth: authA, roles: ["staff"] },
          b: { auth: authB, roles: ["guests", "past"] },
        },
      },
    });
  });
  afterAll(() => rig.close());

  const listed = async (
    as: "a" | "b",
  ): Promise<Map<string, { required?: string[]; properties?: object }>> => {
    const { result } = await rig.ask("tools/list", "", { as });
    const shown = result?.["tools"] as {
      name: string;
      inputSchema: { required?: string[]; properties?: object };
    }[];
    return new Map(shown.map(({ name, inputSchema }) => [name, inputSchema]));
  };
  const lastRecord = async () => (await rig.gateway.records()).at(-1);
  const calls = (): number => rig.server.calls.length;

  test("what a list shows can be called, and nothing else", async () => {
    for (const as of ["a", "b"] as const) {
      const shown = await listed(as);
      const names = tools.map((text) => (JSON.parse(text) as { name: string }).name);
      expect(names.filter((name) => !shown.has(name)).toSorted()).toEqual(
        [...hidden[as]].toSorted(),
      );
      for (const name of names.filter((each) => each !== "stuck" && !each.startsWith("dear"))) {
        const { code } = await rig.call(name, '{"region":"eu","n":1}', as);
        expect([name, code === "TARGET_UNKNOWN"]).toEqual([name, !shown.has(name)]);
      }
    }
  });

  test("a rule without conditions hides, and looks like what does not exist", async () => {
    const before = calls();
    const denied = await rig.call("closed");
    const unknown = await rig.call("nothing");
    const bare = ({ error }: typeof denied) => ({ ...error, data: { code: error?.data?.code } });
    expect(bare(denied)).toEqual(bare(unknown));
    expect(calls()).toBe(before);
    expect((await rig.gateway.records()).at(-2)).toMatchObject({
      code: "POLICY_DENIED",
      why: expect.stringContaining("no-closed") as string,
    });
  });

  test("a rule with conditions says why, and lets the rest pass", async () => {
    const before = calls();
    const { result, code } = await rig.call("read", '{"path":"/etc/passwd"}');
    expect([code, result?.isError, result?.content?.[0]?.text]).toEqual([
      "RULE_DENIED",
      true,
      "RULE_DENIED: Not below /etc",
    ]);
    expect(calls()).toBe(before);
    expect(await lastRecord()).toMatchObject({
      decision: "denied",
      stage: "judge",
      rules: [{ name: "no-etc", then: "deny", mode: "enforce" }],
    });
    expect((await rig.call("read", '{"path":"/srv"}')).code).toBeUndefined();
    expect((await lastRecord())?.["rules"]).toEqual([]);
  });

  test("a pinned argument is not shown, and is sent whatever the caller says", async () => {
    expect((await listed("a")).get("pinned")).toEqual({
      type: "object",
      properties: { n: { type: "number" } },
      required: ["n"],
    });
    expect((await rig.call("pinned", '{ "n" : 1.50 }')).code).toBeUndefined();
    expect(rig.got()).toBe('{ "n" : 1.50,"region":"eu","opts":{"deep":[1,null]} }');
    await rig.call("pinned", '{"region" : "us", "n":9007199254740993}');
    expect(rig.got()).toBe('{"region" : "eu", "n":9007199254740993,"opts":{"deep":[1,null]}}');
    expect((await lastRecord())?.["rules"]).toEqual([
      { name: "one-region", then: "set", mode: "enforce" },
    ]);
    const before = calls();
    expect((await rig.call("pinned", '{"n":1,"Region":"us"}')).code).toBe("RULE_FAILED");
    expect((await rig.call("pinned", '{"n":"one"}')).code).toBe("ARGUMENTS_INVALID");
    expect((await rig.call("pinned", "[]")).code).toBe("PARAMS_INVALID");
    expect(calls()).toBe(before);
  });

  test("a pinned argument is sent where the call has none at all", async () => {
    await rig.ask("tools/call", '"name":"by-team"', { name: "by-team" });
    expect(rig.got()).toBeUndefined();
    await rig.ask("tools/call", '"name":"torn"', { name: "torn" });
    expect(rig.got()).toBe('{"region":"eu"}');
  });

  test("an argument with a default is shown and not required, and its caller's value is kept", async () => {
    const { required, properties } = (await listed("a")).get("defaulted") ?? {};
    expect([required, Object.keys(properties ?? {})]).toEqual([["n"], ["region", "n"]]);
    await rig.call("defaulted", '{"n":1}');
    expect(rig.got()).toBe('{"n":1,"region":"eu"}');
    await rig.call("defaulted", '{"region":"us" ,"n":1}');
    expect(rig.got()).toBe('{"region":"us" ,"n":1}');
    expect((await rig.call("defaulted", '{"n":"one"}')).code).toBe("ARGUMENTS_INVALID");
    expect((await lastRecord())?.["rules"]).toEqual([
      { name: "usual-region", then: "set", mode: "enforce" },
      { name: "watched", then: "deny", mode: "shadow" },
    ]);
  });

  test("what a condition sets is judged as it is sent", async () => {
    expect((await listed("a")).has("by-team")).toBe(true);
    expect((await rig.call("by-team", '{"team":"red","region":"us"}')).code).toBe("RULE_DENIED");
    expect((await rig.call("by-team", '{"team":"blue","region":"us"}')).code).toBeUndefined();
    expect(rig.got()).toBe('{"team":"blue","region":"eu"}');
  });

  test("a rate counts the calls of everybody, or of each client", async () => {
    const codes = [];
    for (const as of ["a", "b", "a"] as const) codes.push((await rig.call("dear", "{}", as)).code);
    expect(codes).toEqual([undefined, undefined, "RATE_EXCEEDED"]);
    expect(await lastRecord()).toMatchObject({
      stage: "meter",
      rules: [{ name: "dear", then: "rate" }],
    });
    const each = [];
    for (const as of ["a", "b", "a", "b"] as const)
      each.push((await rig.call("dear-for-each", "{}", as)).code);
    expect(each).toEqual([undefined, undefined, "RATE_EXCEEDED", "RATE_EXCEEDED"]);
  });

  test("what is cleaned is for the nearest to say, and that is the rule", async () => {
    const textOf = async (tool: string, args?: string) => (await rig.call(tool, args)).text;
    expect(await textOf("plain")).not.toContain(secret);
    expect(await textOf("shown")).toContain(secret);
    expect((await rig.call("withheld", '{"all":true}')).code).toBe("RESPONSE_WITHHELD");
    expect((await rig.call("withheld", '{"all":false}')).code).toBeUndefined();
  });

  test("a rule's timeoutMs takes the place of the upstream's", async () => {
    expect((await rig.call("stuck")).code).toBe("UPSTREAM_TIMEOUT");
    expect(await lastRecord()).toMatchObject({
      decision: "failed",
      rules: [{ name: "soon", then: "timeout" }],
    });
  });

  test("two rules that give one argument different values are a conflict, and nothing is sent", async () => {
    const before = calls();
    const { code, result } = await rig.call("torn", '{"far":true}');
    expect([code, result?.isError]).toEqual(["RULE_CONFLICT", true]);
    expect(calls()).toBe(before);
    expect(await lastRecord()).toMatchObject({
      stage: "shape",
      code: "RULE_CONFLICT",
      rules: [{ name: "here" }, { name: "there" }],
    });
    expect((await rig.call("torn", '{"far":false}')).code).toBeUndefined();
  });

  test("a function decides, and one that throws refuses", async () => {
    expect((await rig.call("large", '{"n":11}')).result?.content?.[0]?.text).toBe(
      "RULE_DENIED: Too much",
    );
    expect((await rig.call("large", '{"n":10}')).code).toBeUndefined();
    expect((await rig.call("large", '{"n":11}', "b")).code).toBeUndefined();
    expect((await rig.call("large", '{"n":9007199254740993}')).code).toBe("RULE_FAILED");
    expect((await rig.call("broken")).code).toBe("RULE_FAILED");
  });

  test("a rule in shadow is recorded, and does nothing", async () => {
    expect((await listed("a")).has("trial")).toBe(true);
    expect((await rig.call("trial", "{}")).code).toBeUndefined();
    expect(rig.got()).toBe("{}");
    const recorded = (await lastRecord())?.["rules"] as { name: string; mode: string }[];
    expect(recorded.map(({ name, mode }) => `${name} ${mode}`).toSorted()).toEqual([
      "trial shadow",
      "trial-set shadow",
    ]);
  });

  test("a rule holds to the end of its last day, and a role too", async () => {
    expect((await rig.call("was-closed")).code).toBeUndefined();
    expect((await rig.call("still-closed")).code).toBe("TARGET_UNKNOWN");
    const { code } = await rig.ask("prompts/get", '"name":"p"', { name: "p", as: "b" });
    expect(code).toBe("TARGET_UNKNOWN");
    expect(await lastRecord()).toMatchObject({ code: "POLICY_DENIED" });
  });

  test("a rule is for some clients, or for those who hold a role", async () => {
    const codes = [];
    for (const tool of ["of-a", "of-staff"]) {
      for (const as of ["a", "b"] as const) codes.push((await rig.call(tool, "{}", as)).code);
    }
    expect(codes).toEqual([undefined, "TARGET_UNKNOWN", undefined, "TARGET_UNKNOWN"]);
  });

  test("a record names the roles that the client held, and none that has ended", async () => {
    await rig.call("of-staff");
    expect(await lastRecord()).toMatchObject({ client: "a", roles: ["staff"] });
    await rig.call("of-staff", "{}", "b");
    expect(await lastRecord()).toMatchObject({ client: "b", roles: ["guests"] });
  });
});

describe.each(pairs)(
  "a call of a %s client that a %s server on %s asks about",
  (client, server, transport) => {
    const said = '"content":{"n":1}';
    const params =
      '{"mode":"form","message":"n","requestedSchema":{"type":"object","properties":{}}}';
    const allow = { ...allowAll, input: ["elicitation:form" as const] };
    const open = (own: Rules): Promise<RulesRig> =>
      openRulesRig({
        client,
        server,
        transport,
        rules: own,
        lists: { tools: [anything("ask")] },
        answer: (call) => ({ ...answer(call), question: params }),
        config: { clients: { a: { auth: authA, allow } } },
      });
    /** One call, however many requests it takes. */
    const call = async (rig: RulesRig) => {
      const members = '"name":"ask","arguments":{"n":1}';
      const reply = `{"action":"accept",${said}}`;
      const first = await rig.ask("tools/call", members, { name: "ask", reply });
      const asked = first.result?.["inputRequests"] as object | undefined;
      if (asked === undefined) return first;
      const key = Object.keys(asked)[0] ?? "";
      const state = JSON.stringify(first.result?.["requestState"]);
      const round = `"inputResponses":{"${key}":${reply}},"requestState":${state}`;
      return rig.ask("tools/call", `${members},${round}`, { name: "ask" });
    };
    /** A modern client asks anew, and each of its requests counts. */
    const requests = client === "modern" ? 2 : 1;

    test("is set, counted, cleaned and recorded under the rules in every round", async () => {
      const rig = await open([
        { name: "pin", on: { tools: ["x/ask"] }, set: { region: "eu" } },
        {
          name: "dear",
          on: "x/ask",
          rate: { burst: requests, perSecond: 0.001 },
          sanitize: { secrets: "off" },
        },
      ]);
      const { result, text } = await call(rig);
      expect(result?.content).toBeDefined();
      expect(text).toContain(secret);
      for (const { text: got } of rig.server.calls)
        expect(got).toContain('"arguments":{"n":1,"region":"eu"}');
      expect((await call(rig)).code).toBe("RATE_EXCEEDED");
      const recorded = (await rig.gateway.records()).map((record) => record["rules"]);
      const hit = [
        { name: "pin", then: "set", mode: "enforce" },
        { name: "dear", then: "rate", mode: "enforce" },
      ];
      expect(recorded.slice(-requests - 1)).toEqual(
        Array.from({ length: requests + 1 }, () => hit),
      );
      await rig.close();
    });

    test("is asked nothing that a rule denies", async () => {
      const rig = await open([{ name: "silent", on: { input: ["elicitation"] }, then: "deny" }]);
      const { code, text } = await call(rig);
      // A legacy server is told no, and may do without.
      expect(code).toBe(server === "modern" ? "INPUT_DENIED" : undefined);
      const answered = server === "modern" ? [] : [expect.stringContaining('"error"')];
      expect(rig.server.replies).toEqual(answered);
      expect(text).not.toContain("elicitation/create");
      expect(rig.server.calls.every(({ text: got }) => !got.includes('"elicitation"'))).toBe(true);
      await rig.close();
    });
  },
);
