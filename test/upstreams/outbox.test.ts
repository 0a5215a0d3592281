import { expect, test } from "vitest";
import { createOutbox } from "../../src/upstreams/channel/outbox.ts";

/** A pipe that takes a text when told. */
function createPipe() {
  const taken: string[] = [];
  let release: ((error?: Error) => void) | undefined;
  const write = (text: string) =>
    new Promise<void>((resolve, reject) => {
      taken.push(text);
      release = (error) => (error === undefined ? resolve() : reject(error));
    });
  const next = async (error?: Error) => {
    release?.(error);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { taken, write, next };
}

const mega = "x".repeat(1024 * 1024);

test("outbox hands over one text at a time, in order", async () => {
  const { taken, write, next } = createPipe();
  const outbox = createOutbox(write, () => {});
  for (const text of ["a", "b", "c"]) outbox.post(text);
  expect(taken).toEqual(["a"]);
  await next();
  expect(taken).toEqual(["a", "b"]);
  await next();
  await next();
  outbox.post("d");
  expect(taken).toEqual(["a", "b", "c", "d"]);
});

test("outbox refuses what would make more than 16 MB wait, and takes again when it has drained", async () => {
  const { write, next } = createPipe();
  const outbox = createOutbox(write, () => {});
  outbox.post("in the pipe");
  for (let i = 0; i < 16; i++) expect(outbox.post(mega)).toBeDefined();
  expect(outbox.post("x")).toBeUndefined();
  await next();
  expect(outbox.post(mega)).toBeDefined();
  expect(outbox.post("x")).toBeUndefined();
});

test("outbox gives back what waits, and not what the pipe has begun", async () => {
  const { taken, write, next } = createPipe();
  const outbox = createOutbox(write, () => {});
  const begun = outbox.post("a");
  const letters = Array.from({ length: 100 }, () => {
    const letter = outbox.post(mega);
    return letter?.takeBack();
  });
  expect(letters).toEqual(Array.from({ length: 100 }, () => true));
  expect(begun?.takeBack()).toBe(false);
  const last = outbox.post("b");
  await next();
  expect(taken).toEqual(["a", "b"]);
  await next();
  await last?.over;
  expect(last?.takeBack()).toBe(false);
});

test("outbox goes on after a fault, and drops everything when closed", async () => {
  const { taken, write, next } = createPipe();
  let faults = 0;
  const outbox = createOutbox(write, () => faults++);
  outbox.post("a");
  outbox.post("b");
  const waiting = outbox.post("c");
  await next(new Error("gone"));
  expect([faults, taken]).toEqual([1, ["a", "b"]]);
  outbox.close();
  await waiting?.over;
  await outbox.post("d")?.over;
  await next();
  expect(taken).toEqual(["a", "b"]);
});
