import { describe, expect, test } from "vitest";
import { type Approvals, type PendingWish, openApprovals } from "../../src/approvals/index.ts";
import { type Store, StoreLost, createCanceller } from "../../src/core/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { crypto, handClock, ownSeals } from "../stores/ports.ts";

const wish: PendingWish = {
  client: "a",
  subject: "ada",
  kind: "tool",
  upstream: "x",
  name: "send",
  args: "{}",
  call: "digest",
  rules: ["large"],
  why: undefined,
  more: undefined,
  expiresMs: 1_000,
};
const { signal } = createCanceller();

async function open(around: (store: Store) => Store = (store) => store) {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  const approvals = await openApprovals({ clock, crypto, store: around(store) }, ownSeals());
  const settle = (more: Partial<PendingWish> = {}) =>
    approvals.settle({ ...wish, ...more }, 0, signal);
  return { approvals, clock, store, settle };
}

async function idOf(settled: ReturnType<Approvals["settle"]>): Promise<string> {
  const answer = await settled;
  return "approval" in answer ? answer.approval.id : "";
}

test.each(["a", "ada"])("decide takes no yes of %s, whose call it is, but a no", async (by) => {
  const { approvals, settle } = await open();
  const id = await idOf(settle());
  expect(await approvals.decide(["a"], id, { decision: "approve", by, is: [] })).toBe("own");
  expect(await settle()).toMatchObject({ is: "waiting" });
  expect(await approvals.decide(["a"], id, { decision: "deny", by, is: [] })).toMatchObject({
    state: "denied",
  });
});

test.each([
  ["the client", ["a"]],
  ["the subject of the client", ["a/ada"]],
  ["the subject of whichever client", ["*/ada"]],
  ["one of several", ["b", "c/bob", "a/ada"]],
])("decide takes no yes of an operator who is %s, but a no", async (_, is) => {
  const { approvals, settle } = await open();
  const id = await idOf(settle());
  expect(await approvals.decide(["a"], id, { decision: "approve", by: "ann", is })).toBe("own");
  expect(await settle()).toMatchObject({ is: "waiting" });
  expect(await approvals.decide(["a"], id, { decision: "deny", by: "ann", is })).toMatchObject({
    state: "denied",
    by: "ann",
  });
});

test.each([
  ["another client", ["b"], "ada"],
  ["another subject", ["a/bob"], "ada"],
  ["the subject of another client", ["b/ada"], "ada"],
  ["a part of the subject", ["a/ad", "*/da"], "ada"],
  ["a subject that is named like a pattern", ["a/*", "*/*"], "ada"],
  ["a subject, where nobody is known", ["a/undefined", "*/undefined", "a/"], undefined],
])("decide takes a yes of an operator who is %s", async (_, is, subject) => {
  const { approvals, settle } = await open();
  const id = await idOf(settle({ subject }));
  const word = { decision: "approve", by: "ann", is } as const;
  expect(await approvals.decide(["a"], id, word)).toMatchObject({ state: "approved" });
});

describe("a yes that was given back", () => {
  async function taken(around?: (store: Store) => Store) {
    const opened = await open(around);
    const id = await idOf(opened.settle());
    await opened.approvals.decide(["a"], id, { decision: "approve", by: "ann", is: [] });
    const answer = await opened.settle();
    if (answer.is !== "approved") throw new Error("It was not approved");
    return { ...opened, id, taken: answer.taken };
  }

  test("is good once more, for what is left of its time", async () => {
    const { approvals, clock, id, settle, taken: yes } = await taken();
    clock.advance(600);
    await approvals.giveBack(yes);
    expect(await settle()).toMatchObject({ is: "approved", approval: { id, by: "ann" } });
    expect(await settle()).toMatchObject({ is: "waiting" });
    await approvals.giveBack(yes);
    clock.advance(400);
    expect(await settle()).toMatchObject({ is: "waiting" });
  });

  test("takes the place of what began to wait meanwhile, and is one however often", async () => {
    const { approvals, settle, taken: yes } = await taken();
    expect(await settle()).toMatchObject({ is: "waiting" });
    await approvals.giveBack(yes);
    await approvals.giveBack(yes);
    expect(await approvals.list(["a"])).toHaveLength(1);
    expect(await settle()).toMatchObject({ is: "approved" });
    expect(await settle()).toMatchObject({ is: "waiting" });
  });

  test("is worth nothing where somebody has said no meanwhile", async () => {
    const { approvals, settle, taken: yes } = await taken();
    const later = await idOf(settle());
    await approvals.decide(["a"], later, { decision: "deny", by: "bob", is: [] });
    await approvals.giveBack(yes);
    expect(await settle()).toMatchObject({ is: "denied" });
  });

  test("stays used where the store is lost", async () => {
    let isLost = false;
    const {
      approvals,
      settle,
      taken: yes,
    } = await taken((store) => ({
      ...store,
      replace: async (...args) => {
        if (isLost) throw new StoreLost("unreachable", "gone");
        return store.replace(...args);
      },
    }));
    isLost = true;
    await approvals.giveBack(yes);
    isLost = false;
    expect(await settle()).toMatchObject({ is: "waiting" });
  });
});

test("what is sent beside the arguments is kept for whoever decides", async () => {
  const { approvals, settle } = await open();
  await settle({ more: '{"_meta":{}}' });
  expect(await approvals.list(["a"])).toMatchObject([{ more: '{"_meta":{}}' }]);
});

test("decide gives a yes its whole time, and no more", async () => {
  const { approvals, clock, settle } = await open();
  const id = await idOf(settle());
  clock.advance(999);
  await approvals.decide(["a"], id, { decision: "approve", by: "ann", is: [] });
  clock.advance(999);
  expect(await settle()).toMatchObject({
    is: "approved",
    approval: { id, via: "operator", by: "ann" },
  });
  expect(await settle()).toMatchObject({ is: "waiting" });
});

test("settle takes nothing of a yes that is over", async () => {
  const { approvals, clock, settle } = await open();
  const id = await idOf(settle());
  await approvals.decide(["a"], id, { decision: "approve", by: "ann", is: [] });
  clock.advance(1_000);
  expect(await settle()).toMatchObject({ is: "waiting" });
});

test("list shows the oldest first, of the clients that are asked for", async () => {
  const { approvals, clock, settle } = await open();
  await settle({ client: "b", call: "1" });
  clock.advance(1);
  await settle({ call: "2" });
  expect((await approvals.list(["a", "b"])).map(({ client }) => client)).toEqual(["b", "a"]);
  expect(await approvals.list(["c"])).toEqual([]);
});

test("what was changed by hand counts as nothing, and is taken over", async () => {
  const { approvals, settle, store } = await open();
  const id = await idOf(settle());
  await approvals.decide(["a"], id, { decision: "approve", by: "ann", is: [] });
  await store.set("approvals:a", "changed", 60_000);
  expect(await approvals.list(["a"])).toEqual([]);
  expect(await settle()).toMatchObject({ is: "waiting" });
});

test("what was sealed for another use counts as nothing", async () => {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  const seals = ownSeals();
  const approvals = await openApprovals({ clock, crypto, store }, seals);
  const entry = { ...wish, id: "i", at: 0, until: 9e15, state: "approved", by: "ann" };
  const text = JSON.stringify({ entries: [entry] });
  await store.set("approvals:a", await seals("state").seal(text), 60_000);
  expect(await approvals.settle(wish, 0, signal)).toMatchObject({ is: "waiting" });
  await store.set("approvals:a", await seals("pending").seal(text), 60_000);
  expect(await approvals.settle(wish, 0, signal)).toMatchObject({ is: "approved" });
});

test("settle loses no change that another instance makes at the same time", async () => {
  let lost = 3;
  const { approvals, settle } = await open((store) => ({
    ...store,
    replace: async (...args) => (lost-- > 0 ? false : store.replace(...args)),
  }));
  expect(await settle()).toMatchObject({ is: "waiting" });
  expect(await approvals.list(["a"])).toHaveLength(1);
});

test("settle waits no longer than the caller does", async () => {
  const { approvals } = await open();
  const caller = createCanceller();
  const settled = approvals.settle(wish, 60_000, caller.signal);
  await Promise.resolve();
  caller.abort();
  expect(await settled).toMatchObject({ is: "waiting" });
  expect(await approvals.settle(wish, 60_000, caller.signal)).toMatchObject({ is: "waiting" });
});

test("settle leaves room for others of the same client, however many calls one makes", async () => {
  const { settle } = await open();
  for (let call = 0; call < 32; call++) await settle({ call: `ada ${call}` });
  expect(await settle({ call: "one more" })).toEqual({ is: "crowded" });
  expect(await settle({ subject: "bob", call: "bob's" })).toMatchObject({ is: "waiting" });
});

test("settle lets nothing wait whose name would make the list too large to be read again", async () => {
  const { approvals, settle } = await open();
  const id = await idOf(settle());
  const name = `file:///${"a".repeat(500_000)}`;
  expect(await settle({ kind: "resource", name, call: "long" })).toEqual({ is: "long" });
  expect((await approvals.list(["a"])).map((each) => each.id)).toEqual([id]);
});
