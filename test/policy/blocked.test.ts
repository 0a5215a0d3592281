import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ConfigInput } from "../../src/config/index.ts";
import type { Block } from "../../src/core/index.ts";
import type { TargetKind } from "../../src/mcp/index.ts";
import { createPolicy, openBlocks } from "../../src/policy/index.ts";
import { createFakeLog } from "../http/fakes.ts";
import { crypto, handClock, toConfig } from "../stores/ports.ts";
import { anyBlock, wish } from "./block-rig.ts";
import { naiveNames } from "./naive.ts";

const url = "http://127.0.0.1:9101/mcp";
const all = { tools: ["*"], resources: ["*"], prompts: ["*"] };
const kinds: readonly TargetKind[] = ["tool", "resource", "prompt"];

async function openList(blocks: readonly Partial<Block>[]) {
  const clock = handClock();
  const text = JSON.stringify({
    blocks: blocks.map((block, index) => anyBlock({ id: `b${index}`, ...block })),
    removed: [],
  });
  const keep = { read: async () => text, write: async () => undefined };
  return openBlocks({ ports: { clock, log: createFakeLog([]), crypto }, keep });
}

async function open(blocks: readonly Partial<Block>[], config: Partial<ConfigInput> = {}) {
  const list = await openList(blocks);
  const policy = createPolicy(
    toConfig({
      upstreams: { github: { url }, files: { url } },
      clients: { a: { auth: "anonymous", allow: all }, b: { auth: "anonymous", allow: all } },
      ...config,
    }),
    { clock: handClock(), log: createFakeLog([]) },
    list.find,
  );
  const subjectOf = (client: string, subject?: string) => ({ client, subject, address: undefined });
  const decide = (
    name: string,
    { kind = "tool", upstream = "github", client = "a", subject }: Partial<Asked> = {},
  ) => policy.decide(subjectOf(client, subject), { kind, upstream, name });
  const shows = (template: string, upstream = "files", client = "a", subject?: string) =>
    policy.showsTemplate(subjectOf(client, subject), upstream, template);
  const reaches = (upstream: string, client = "a", subject?: string) =>
    policy.reaches({ client, subject }, upstream);
  return { list, policy, decide, shows, reaches };
}
interface Asked {
  readonly kind: TargetKind;
  readonly upstream: string;
  readonly client: string;
  readonly subject: string;
}

describe("What a block takes away", () => {
  test("A target, of every kind, and no other one", async () => {
    const { decide } = await open([{ target: "github/push" }]);
    expect(decide("push")).toEqual({
      allowed: false,
      why: 'Block "b0": an incident',
      recorded: "BLOCKED",
    });
    expect(decide("push", { kind: "prompt" }).allowed).toBe(false);
    for (const name of ["pull", "push2", "Push", "pus"]) expect(decide(name).allowed).toBe(true);
    expect(decide("push", { upstream: "files" }).allowed).toBe(true);
  });

  test("Every criterion must fit", async () => {
    const { decide } = await open([{ target: "github/p*", client: "a", subject: "ann" }]);
    expect(decide("push", { subject: "ann" }).allowed).toBe(false);
    expect(decide("push").allowed).toBe(true);
    expect(decide("push", { subject: "bob" }).allowed).toBe(true);
    expect(decide("push", { client: "b", subject: "ann" }).allowed).toBe(true);
    expect(decide("merge", { subject: "ann" }).allowed).toBe(true);
  });

  test.each([{}, { target: "*" }, { target: "*/*" }])(
    "%j takes everything from everybody",
    async (block) => {
      const { list, decide, shows, reaches } = await open([block]);
      expect(list.find({ client: "b", subject: "ann" })).toBeDefined();
      for (const kind of kinds) {
        expect(decide("files:x", { kind })).toMatchObject({ recorded: "BLOCKED" });
      }
      expect([shows("file:///{name}"), reaches("github"), reaches("files", "b")]).toEqual([
        false,
        false,
        false,
      ]);
    },
  );

  test("A client that is blocked reaches nothing, and the others all they had", async () => {
    const { list, decide, reaches, policy } = await open([{ client: "a" }]);
    expect(list.find({ client: "a", subject: undefined })).toBeDefined();
    expect(list.find({ client: "b", subject: undefined })).toBeUndefined();
    expect([reaches("github"), reaches("github", "b")]).toEqual([false, true]);
    expect([decide("x").allowed, decide("x", { client: "b" }).allowed]).toEqual([false, true]);
    const why = policy.whyCutOff({ client: "a", subject: undefined }, "github");
    expect(why).toBe('Block "b0": an incident');
    expect(policy.whyCutOff({ client: "b", subject: undefined }, "github")).toBeUndefined();
    expect(policy.whyCutOff({ client: "a", subject: undefined }, "nowhere")).toBeUndefined();
    expect(policy.whyCutOff({ client: "nobody", subject: undefined }, "github")).toBeUndefined();
  });

  test("An upstream of which everything allowed is blocked is not reached", async () => {
    const { reaches } = await open([{ target: "git*/*" }]);
    expect([reaches("github"), reaches("files")]).toEqual([false, true]);
    const allow = { tools: ["github/a", "github/b"] };
    const config = { clients: { a: { auth: "anonymous" as const, allow } } };
    expect((await open([{ target: "github/a" }], config)).reaches("github")).toBe(true);
    const both = await open([{ target: "github/a" }, { target: "github/b" }], config);
    expect(both.reaches("github")).toBe(false);
    const ofAnn = await open([{ target: "github/*", subject: "ann" }], config);
    expect([ofAnn.reaches("github"), ofAnn.reaches("github", "a", "ann")]).toEqual([true, false]);
  });

  test("A resource in every spelling that a server may take for it", async () => {
    const { decide, shows } = await open([
      { target: "files/file:///a@b" },
      { target: "files/db://users/*" },
    ]);
    const read = (uri: string) => decide(uri, { kind: "resource", upstream: "files" });
    for (const uri of ["file:///a@b", "file:///a%40b", "db://users/1", "db://Users/1"]) {
      expect(read(uri)).toMatchObject({ allowed: false });
      expect(shows(uri)).toBe(false);
    }
    expect(read("file:///a@c").allowed).toBe(true);
    expect(read("db://groups/1").allowed).toBe(true);
  });

  test("A template of which nothing is left", async () => {
    const { shows, policy } = await open([{ target: "files/file:///private/*" }]);
    expect(shows("file:///private/{name}")).toBe(false);
    expect(shows("file:///{+path}")).toBe(true);
    expect(shows("file:///public/{name}")).toBe(true);
    const subject = { client: "a", subject: undefined, address: undefined };
    expect(policy.decideTemplate(subject, "files", "file:///private/{name}")).toMatchObject({
      recorded: "BLOCKED",
    });
    // What the client may use of it is blocked, the rest of it never was the client's.
    const allow = { resources: ["files/file:///private/*"] };
    const config = { clients: { a: { auth: "anonymous" as const, allow } } };
    const narrow = await open([{ target: "files/file:///private/*" }], config);
    expect(narrow.shows("file:///{+path}")).toBe(false);
    expect((await open([], config)).shows("file:///{+path}")).toBe(true);
  });

  test("A block is in force with the next decision, and gone with the next one after its end", async () => {
    const { list, decide } = await open([]);
    expect(decide("push").allowed).toBe(true);
    const { id } = await list.add({ ...wish, target: "github/push" });
    expect(decide("push").allowed).toBe(false);
    await list.remove(id);
    expect(decide("push").allowed).toBe(true);
  });

  test("A block that names what no config has takes nothing away", async () => {
    const { decide, reaches } = await open([
      { client: "__proto__" },
      { target: "constructor/*" },
      { subject: "toString" },
    ]);
    expect([decide("push").allowed, reaches("github"), reaches("files")]).toEqual([
      true,
      true,
      true,
    ]);
  });
});

const word = fc.constantFrom("a", "b", "ab", "*", "a*", "*b", "x://a", "x://a/*", "x://*", "x://A");
const target = fc.oneof(
  fc.constant("*"),
  fc.tuple(fc.constantFrom("github", "files", "*", "git*"), word).map((halves) => halves.join("/")),
);
const block = fc.record(
  {
    target,
    client: fc.constantFrom("a", "b", "c"),
    subject: fc.constantFrom("ann", "bob"),
  },
  { requiredKeys: [] },
);

test("Whatever is blocked, nothing that a block names is ever allowed, and nothing else is lost", async () => {
  let blocked = 0;
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(block, { maxLength: 5 }),
      fc.constantFrom("a", "b"),
      fc.constantFrom(undefined, "ann", "bob"),
      fc.constantFrom("github", "files"),
      fc.constantFrom("a", "b", "ab", "x://a/", "x://a/b", "x://b/", "x://a/%40"),
      async (blocks, client, subject, upstream, name) => {
        const { decide, shows, reaches, list } = await open(blocks);
        const fits = ({ target: pattern = "*", ...who }: (typeof blocks)[number]): boolean =>
          (who.client ?? client) === client &&
          (who.subject === undefined || who.subject === subject) &&
          (pattern === "*" || naiveNames(pattern, { upstream, name }));
        const isBlocked = blocks.some(fits);
        if (isBlocked) blocked++;
        const who = { client, upstream, ...(subject && { subject }) };
        for (const kind of kinds) {
          const decision = decide(name, { ...who, kind });
          if (kind === "resource" && !name.startsWith("x:")) continue;
          expect(list.find({ client, subject }, { kind, upstream, name }) !== undefined).toBe(
            !decision.allowed,
          );
          // A URI has more than one spelling; any other name has one.
          if (isBlocked) expect(decision).toMatchObject({ allowed: false, recorded: "BLOCKED" });
          else if (kind !== "resource") expect(decision.allowed).toBe(true);
          if (!decision.allowed) continue;
          allowed++;
          expect(reaches(upstream, client, subject)).toBe(true);
          if (kind === "resource") expect(shows(name, upstream, client, subject)).toBe(true);
        }
        if (isBlocked) expect(shows(name, upstream, client, subject)).toBe(false);
      },
    ),
    { numRuns: 500 },
  );
  expect(Math.min(blocked, allowed)).toBeGreaterThan(50);
});
