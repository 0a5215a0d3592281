import { expect, test } from "vitest";
import { createInbox } from "../../src/upstreams/channel/inbox.ts";
import { never } from "./harness.ts";

test("inbox gives what was put in, in order, and waits for more", async () => {
  const inbox = createInbox<string>();
  inbox.put("a");
  inbox.put("b");
  expect([await inbox.take(never), await inbox.take(never)]).toEqual(["a", "b"]);
  const waiting = inbox.take(never);
  inbox.put("c");
  expect(await waiting).toBe("c");
});

test("inbox knows the size of what waits", async () => {
  const inbox = createInbox<string>();
  inbox.put("a", 2);
  inbox.put("b", 3);
  expect(inbox.size()).toBe(5);
  await inbox.take(never);
  expect(inbox.size()).toBe(3);
});

test("inbox keeps one of equal keys while it waits, and takes another one later", async () => {
  const inbox = createInbox<string>();
  inbox.put("a", 1, "key");
  inbox.put("again", 1, "key");
  inbox.put("b", 1, "other");
  expect(inbox.size()).toBe(2);
  expect(await inbox.take(never)).toBe("a");
  inbox.put("a later one", 1, "key");
  expect([await inbox.take(never), await inbox.take(never)]).toEqual(["b", "a later one"]);
});

test("inbox gives nothing any more when the signal has fired, and leaves no listener", async () => {
  const gone = new AbortController();
  const inbox = createInbox<string>();
  const waiting = inbox.take(gone.signal);
  gone.abort();
  expect(await waiting).toBeUndefined();
  inbox.put("late");
  expect(await inbox.take(gone.signal)).toBeUndefined();
  expect(await inbox.take(never)).toBe("late");
});
