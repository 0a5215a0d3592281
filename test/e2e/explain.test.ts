/** What explain says, what access prints, what lists show and what a request gets: all the same. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accessOf } from "../../src/cli/access.ts";
import { collectTargets, targetText } from "../../src/cli/access-targets.ts";
import { type Config, parseConfig } from "../../src/config/index.ts";
import type { CallWish } from "../../src/core/index.ts";
import { type CallExplanation, explainCall } from "../../src/gateway.ts";
import { type Era, type TargetKind, at, reread, textOf } from "../../src/mcp/index.ts";
import { withArguments } from "../../src/policy/index.ts";
import { createFiles } from "../../src/runtime/files.ts";
import { openRuntime } from "../../src/runtime/index.ts";
import { type Lock, parseLock } from "../../src/upstreams/index.ts";
import { naiveAllows, naiveMatches } from "../policy/naive.ts";
import { openPolicy } from "../policy/open-policy.ts";
import { crypto, handClock } from "../stores/ports.ts";
import { allowAll, authA, authB, tokenA, tokenB } from "./gateway.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { type HttpRecorder, startHttpRecorder } from "./recording-server.ts";
import { type Reloading, runReloading, token } from "./reloading.ts";
import {
  type MadePolicy,
  type Way,
  items,
  lists,
  policies,
  templates,
  ways,
} from "./random-policies.ts";
import { type Heard, toHeard } from "./rules-rig.ts";

let server: HttpRecorder;
let gateway: Reloading;
let lock: Lock;
const clients = new Map<string, RawClient>();
const free = { rate: { burst: 1_000_000, perSecond: 1_000_000 } };

function inputOf(more: object): object {
  return { upstreams: { x: { url: server.url } }, admin: { port: 0 }, ...more };
}

beforeAll(async () => {
  const content = '"content":[],"messages":[],"contents":[],"completion":{"values":[]}';
  const end = `"result":{"resultType":"complete",${content}}`;
  server = await startHttpRecorder({ era: "modern", answer: () => ({ end }), lists });
  const client = (called: string) => ({ ...token(called), ...free, allow: allowAll });
  const open = { a: client("TOKEN_A"), b: client("TOKEN_B") };
  gateway = await runReloading(inputOf({ clients: open }));
  for (const era of ["modern", "legacy"] as const) {
    for (const [as, secret] of [
      ["a", tokenA],
      ["b", tokenB],
    ] as const) {
      const raw = await openRawClient(era, `${gateway.url}/mcp/x`, secret);
      clients.set(`${era} ${as}`, raw);
      // The first list is what gets locked.
      await listOf(raw, "tools/list", "tools", "name");
    }
  }
  const text = await readFile(join(gateway.folder, "gateway.lock.json"), "utf8");
  const parsed = parseLock(text, crypto);
  if ("fault" in parsed) throw new Error(parsed.fault);
  lock = parsed.lock;
});
afterAll(async () => {
  await gateway.close();
  await server.close();
});

const files = createFiles();
let lastSeq = 0;

/** The newest one of a method, which must have been written since; others may be on their way. */
async function recordOf(method: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await files.readTail(join(gateway.folder, "audit.jsonl"), 32_768);
  const lines = (text ?? "").split("\n").slice(1, -1);
  const records = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const found = records.findLast((each) => each["method"] === method) ?? {};
  expect(found["seq"]).toBeGreaterThan(lastSeq);
  lastSeq = Number(found["seq"]);
  return found;
}

async function send(raw: RawClient, method: string, members = "", named?: string): Promise<Heard> {
  const params = [members, ...(raw.meta === "" ? [] : [`"_meta":{${raw.meta}}`])];
  const texts = await raw.ask({
    method,
    params: `{${params.filter((each) => each !== "").join(",")}}`,
    ...(named === undefined ? {} : { name: named }),
    reply: '{"action":"decline"}',
  });
  return toHeard(texts.at(-1) ?? "");
}

type Listed = readonly Readonly<Record<string, unknown>>[];

async function listOf(raw: RawClient, method: string, member: string, key: string) {
  const { result, code, text } = await send(raw, method);
  if (result === undefined) expect([code, text]).toEqual(["PATH_UNKNOWN", text]);
  const listed = (result?.[member] ?? []) as Listed;
  return { listed, names: listed.map((each) => String(each[key])) };
}

async function listsOf(raw: RawClient) {
  const tools = await listOf(raw, "tools/list", "tools", "name");
  return {
    tools: tools.listed,
    tool: tools.names,
    prompt: (await listOf(raw, "prompts/list", "prompts", "name")).names,
    resource: (await listOf(raw, "resources/list", "resources", "uri")).names,
    template: (await listOf(raw, "resources/templates/list", "resourceTemplates", "uriTemplate"))
      .names,
  };
}
type Shown = Awaited<ReturnType<typeof listsOf>>;

function kindOf(method: Way, named: string): TargetKind {
  if (method === "tools/call") return "tool";
  return named.startsWith("file:") ? "resource" : "prompt";
}

/** `name` is a tool's or prompt's name, a URI or a template. */
function membersOf(method: Way, named: string, given: object | undefined): string {
  if (method.startsWith("resources/")) return `"uri":"${named}"`;
  if (method !== "completion/complete") {
    return `"name":"${named}","arguments":${JSON.stringify(given)}`;
  }
  const isPrompt = kindOf(method, named) === "prompt";
  const ref = isPrompt
    ? `{"type":"ref/prompt","name":"${named}"}`
    : `{"type":"ref/resource","uri":"${named}"}`;
  return `"ref":${ref},"argument":{"name":"n","value":""}`;
}

/** Whether a modern client is told that it will hear of the resource. */
async function listen(raw: RawClient, named: string): Promise<Heard & { isFollowed: boolean }> {
  const [text = ""] = await raw.first(
    "subscriptions/listen",
    `"notifications":{"resourceSubscriptions":["${named}"]}`,
  );
  return { ...toHeard(text), isFollowed: text.includes(`"${named}"`) };
}

/** What the record says of a request that was decided so. */
function isTold(live: CallExplanation, record: Readonly<Record<string, unknown>>): boolean {
  const { decision, code } = record;
  switch (live.verdict) {
    case "asked":
      return decision === "asked" || code === "APPROVAL_REFUSED" || code === "APPROVAL_REQUIRED";
    case "allowed":
      return code === "RATE_EXCEEDED"
        ? (live.adjust?.buckets.length ?? 0) > 0
        : decision === "allowed" && code === undefined;
    default:
      // Where the client reaches nothing at all the request never comes to the policy.
      return decision === "denied" && (code === live.code || live.code === "POLICY_DENIED");
  }
}

test("explain, access, lists and requests never disagree, for anything and over both eras", async () => {
  const runtime = await openRuntime();
  const seen = new Map<string, number>();
  const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
  let turn = 0;

  const check = async ({ a, b, r, s, rules, asked }: MadePolicy): Promise<void> => {
    const era: Era = ++turn % 2 === 0 ? "modern" : "legacy";
    const input = inputOf({
      roles: { r, s },
      clients: {
        a: { ...token("TOKEN_A"), ...free, allow: a, roles: ["r"] },
        b: { ...token("TOKEN_B"), ...free, allow: b, roles: ["r", "s"].slice(turn % 3) },
      },
      rules: rules.map((each, place) => ({ name: `r${place}`, ...each })),
    });
    const made = JSON.parse(JSON.stringify(input)) as { clients: Record<"a" | "b", object> };
    const now = Date.now();
    const auths = { a: { ...made.clients.a, auth: authA }, b: { ...made.clients.b, auth: authB } };
    const { config } = parseConfig({ ...made, clients: auths } as never, {
      ...runtime.crypto,
      now,
    });
    // Rules that contradict each other without any condition are a fault of the config.
    fc.pre(config !== undefined);
    await gateway.change(made);
    const ground = { policy: openPolicy(config, handAt(now)).policy, config, lock };
    const shown = new Map<string, Shown>();
    for (const as of ["a", "b"] as const) {
      const found = await listsOf(clients.get(`${era} ${as}`)!);
      shown.set(as, found);
      sameAsListed(config, as, found, ground);
    }
    for (const { as, method, name: named, args: given } of asked) {
      const raw = clients.get(`${era} ${as}`)!;
      const kind = kindOf(method, named);
      const isTemplate = named.includes("{");
      const wish = { ...toWish(as, kind, named, given), method };
      const live = gateway.started.instance.operations.explain(wish) as CallExplanation;
      const offline = explainCall(wish, ground);
      expect([offline.verdict, offline.code, offline.set]).toEqual([
        live.verdict,
        live.code,
        live.set,
      ]);
      const before = server.calls.length;
      if (method === "resources/subscribe" && era === "modern") {
        const { isFollowed, code } = await listen(raw, named);
        if (code === "RATE_EXCEEDED") expect(live.adjust?.buckets).not.toEqual([]);
        else expect(isFollowed).toBe(live.verdict === "allowed");
        note(`${method} ${live.verdict}`);
        continue;
      }
      const isNamed = method !== "completion/complete" && !method.endsWith("subscribe");
      const members = membersOf(method, named, given);
      const heard = await send(raw, method, members, isNamed ? named : undefined);
      const record = await recordOf(method);
      const isAnswered = heard.code === undefined && heard.error === undefined;
      const isReached = server.calls.length > before;
      const allowedBy = isTemplate ? templates[named]! : [named];
      if (isReached || isAnswered) {
        expect(
          allowedBy.some((each) => naiveAllows(config, who(as), toThing(kind, each), now)),
        ).toBe(true);
      }
      note(`${method} ${isReached ? "reached" : (record["code"] as string)}`);
      const { template } = shown.get(as)!;
      if (isTemplate) {
        // What is completed is what is listed; rules speak of the template as of a URI.
        expect(template.includes(named)).toBe(
          heard.code !== "TARGET_UNKNOWN" && heard.code !== "PATH_UNKNOWN",
        );
        continue;
      }
      expect([live, record, isTold(live, record)]).toEqual([live, record, true]);
      if (live.verdict !== "asked") {
        expect(isAnswered).toBe(live.verdict === "allowed" && record["code"] !== "RATE_EXCEEDED");
      }
      if (method === "tools/call" && isReached) {
        const got = at(reread(server.calls.at(-1)!.text), "params", "arguments");
        const sent = withArguments(wish.args, new Map(Object.entries(live.set)));
        expect(got && textOf(got)).toBe(sent && textOf(sent));
      }
    }
  };
  await fc.assert(fc.asyncProperty(policies, check), {
    numRuns: 40,
    interruptAfterTimeLimit: 60_000,
  });
  for (const what of Object.keys(ways)) {
    const isSeen = (word: string): boolean => [...seen.keys()].includes(`${what} ${word}`);
    expect([what, isSeen("reached") || isSeen("allowed")]).toEqual([what, true]);
  }
  for (const code of ["POLICY_DENIED", "RULE_DENIED", "ARGUMENTS_INVALID"]) {
    expect([code, seen.has(`tools/call ${code}`)]).toEqual([code, true]);
  }
}, 120_000);

function handAt(now: number) {
  return { ...handClock(), now: () => now };
}

function who(client: string) {
  return { client, subject: undefined, address: "127.0.0.1" };
}

function toThing(kind: TargetKind, named: string) {
  return { kind, upstream: "x", name: named };
}

function toWish(as: string, kind: TargetKind, named: string, given: object | undefined): CallWish {
  const text = given === undefined ? undefined : reread(JSON.stringify(given));
  return { ...who(as), ...toThing(kind, named), args: text };
}

/** Lists hold what the plain reading of the config allows, what explain finds and what access prints. */
function sameAsListed(
  config: Config,
  as: string,
  shown: Shown,
  ground: Parameters<typeof explainCall>[1],
): void {
  const now = Date.now();
  const [access] = accessOf(ground, [as]);
  const rows = access?.targets ?? [];
  const collected = new Set(
    collectTargets([config], [lock]).map((each) => `${each.kind} ${targetText(each)}`),
  );
  for (const kind of ["tool", "prompt", "resource"] as const) {
    const allowed = items[kind].filter((each) =>
      naiveAllows(config, who(as), toThing(kind, each), now),
    );
    expect([as, kind, shown[kind]]).toEqual([as, kind, allowed]);
    for (const each of items[kind]) {
      const isShown = shown[kind].includes(each);
      const { code } = explainCall(toWish(as, kind, each, undefined), ground);
      expect([each, code !== "POLICY_DENIED"]).toEqual([each, isShown]);
      const own = rows.filter((row) => row.kind === kind);
      const isNamed = collected.has(`${kind} x/${each}`);
      const isPrinted = own.some(({ target }) =>
        isNamed ? target === `x/${each}` : naiveMatches(target, `x/${each}`),
      );
      if (isNamed) expect([each, isPrinted]).toEqual([each, isShown]);
      else expect([each, isPrinted || !isShown]).toEqual([each, true]);
    }
  }
  for (const [template, uris] of Object.entries(templates)) {
    const isSome = uris.some((each) =>
      naiveAllows(config, who(as), toThing("resource", each), now),
    );
    // What it expands to has no end: that nothing is allowed is not said by a few of them.
    if (isSome) expect(shown.template).toContain(template);
  }
  for (const tool of shown.tools) {
    const schema = tool["inputSchema"] as { properties?: object };
    for (const key of argumentsOf(String(tool["name"]))) {
      if (Object.hasOwn(schema.properties ?? {}, key)) continue;
      const told = explainCall(toWish(as, "tool", String(tool["name"]), {}), ground);
      expect(Object.hasOwn(told.set, key) || told.verdict === "denied").toBe(true);
    }
  }
}

/** Those that the server's own schema names. */
function argumentsOf(tool: string): readonly string[] {
  const found = lists.tools.find((each) => each.includes(`"name":"${tool}"`)) ?? "{}";
  const { inputSchema } = JSON.parse(found) as { inputSchema: { properties?: object } };
  return Object.keys(inputSchema.properties ?? {});
}
