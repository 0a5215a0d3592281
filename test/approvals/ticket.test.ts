import { expect, test } from "vitest";
import { type Ticket, openApprovals } from "../../src/approvals/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { crypto, handClock, ownSeals } from "../stores/ports.ts";

const ticket: Ticket = {
  id: "i",
  binding: "b",
  call: "c",
  config: "d",
  until: 5,
  own: "of the server",
  responses: '{"who":{"action":"accept"}}',
};

async function open(seals = ownSeals()) {
  const clock = handClock();
  const store = openMemoryStore({ clock });
  return { approvals: await openApprovals({ clock, crypto, store }, seals), clock, seals };
}

test("a ticket opens as it was sealed, whatever is not there", async () => {
  const { tickets } = (await open()).approvals;
  for (const each of [ticket, { ...ticket, own: undefined, responses: undefined }]) {
    expect(await tickets.open((await tickets.seal(each)) ?? "")).toEqual(each);
  }
});

test("a ticket is larger than what can be opened again only where there is none", async () => {
  const { tickets } = (await open()).approvals;
  const sized = (length: number) => tickets.seal({ ...ticket, own: "x".repeat(length) });
  const sealed = await sized(379_000);
  expect((await tickets.open(sealed ?? ""))?.own).toHaveLength(379_000);
  expect(await sized(381_000)).toBeUndefined();
});

test("a ticket of other keys, of another use, and a changed one do not open", async () => {
  const { approvals, seals } = await open();
  const { tickets } = approvals;
  const sealed = (await tickets.seal(ticket)) ?? "";
  expect(await (await open()).approvals.tickets.open(sealed)).toBeUndefined();
  expect(await tickets.open(await seals("state").seal(JSON.stringify(ticket)))).toBeUndefined();
  const last = sealed.endsWith("A") ? "Q" : "A";
  expect(await tickets.open(sealed.slice(0, -1) + last)).toBeUndefined();
  expect(await tickets.open("")).toBeUndefined();
});

test("what is sealed for it and lacks a part is no ticket", async () => {
  const { approvals, seals } = await open();
  for (const key of ["id", "binding", "call", "config", "until"]) {
    const sealed = await seals("approval").seal(JSON.stringify({ ...ticket, [key]: undefined }));
    expect(await approvals.tickets.open(sealed)).toBeUndefined();
  }
});

test("an id is used once, for as long as it would be good", async () => {
  const { approvals, clock } = await open();
  expect(await approvals.use("i", 1_000)).toBe(true);
  clock.advance(999);
  expect(await approvals.use("i", 1_000)).toBe(false);
  expect(await approvals.use("j", 0)).toBe(true);
});

test("an id stays used for instances whose clocks are behind", async () => {
  const { approvals, clock } = await open();
  expect(await approvals.use("i", 1)).toBe(true);
  clock.advance(5_000);
  expect(await approvals.use("i", 1)).toBe(false);
});

test("an id that was given back is good once more", async () => {
  const { approvals } = await open();
  expect(await approvals.use("i", 1_000)).toBe(true);
  await approvals.unuse("i");
  expect(await approvals.use("i", 1_000)).toBe(true);
  expect(await approvals.use("i", 1_000)).toBe(false);
});
