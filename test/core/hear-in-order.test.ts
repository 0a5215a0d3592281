import { expect, test } from "vitest";
import { hearInOrder } from "../../src/core/index.ts";

async function settle(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
}
const unexpected = (error: unknown): never => expect.fail(String(error));

test("texts are taken in the order in which they came, however long one takes", async () => {
  const taken: string[] = [];
  const hear = hearInOrder(async (text) => {
    if (text === "slow") await settle(20);
    taken.push(text);
  }, unexpected);
  hear("slow");
  hear("fast");
  await settle();
  expect(taken).toEqual(["slow", "fast"]);
});

test("a text that cannot be taken is told, and the next one is taken", async () => {
  const fault = new Error("Broken");
  const taken: string[] = [];
  const failures: unknown[] = [];
  const hear = hearInOrder(
    async (text) => {
      if (text === "broken") throw fault;
      taken.push(text);
    },
    (error) => failures.push(error),
  );
  hear("broken");
  hear("whole");
  await settle();
  expect(taken).toEqual(["whole"]);
  expect(failures).toEqual([fault]);
});

test("a text is lost while 64 Mi characters wait, and taken again once they do not", async () => {
  const most = "x".repeat(64 * 1024 * 1024);
  const taken: number[] = [];
  const hear = hearInOrder(async (text) => {
    taken.push(text.length);
  }, unexpected);
  hear(most);
  hear("lost");
  await settle();
  hear("taken");
  await settle();
  expect(taken).toEqual([most.length, "taken".length]);
});
