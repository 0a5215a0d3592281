import { expect, test } from "vitest";
import { createTurns } from "../../src/core/index.ts";

const nothing = (): void => undefined;

/** Something that lasts until it is let go, and says when it begins. */
function createTask(name: string, begun: string[]) {
  let end: () => void = nothing;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const act = async (): Promise<string> => {
    begun.push(name);
    await ended;
    return name;
  };
  return { act, end: () => end() };
}

test("turns of one key begin one after the other, in the order in which they were taken", async () => {
  const turns = createTurns();
  const begun: string[] = [];
  const [first, second, third] = ["first", "second", "third"].map((name) =>
    createTask(name, begun),
  );
  const taken = [first, second, third].map((task) => turns.take("a", task?.act ?? fail));
  third?.end();
  second?.end();
  await Promise.resolve();
  expect(begun).toEqual(["first"]);
  first?.end();
  expect(await Promise.all(taken)).toEqual(["first", "second", "third"]);
  expect(begun).toEqual(["first", "second", "third"]);
});

test("turns of another key do not wait", async () => {
  const turns = createTurns();
  const begun: string[] = [];
  const slow = createTask("slow", begun);
  const waiting = turns.take("a", slow.act);
  expect(await turns.take("b", async () => "other")).toBe("other");
  slow.end();
  expect(await waiting).toBe("slow");
});

test("turns go on behind one that fails", async () => {
  const turns = createTurns();
  const failed = turns.take("a", fail);
  const next = turns.take("a", async () => "next");
  await expect(failed).rejects.toThrow("Failed");
  expect(await next).toBe("next");
});

test("turns keep nothing of a key once nobody waits for it", async () => {
  const turns = createTurns();
  const taken = [turns.take("a", async () => 1), turns.take("a", fail), turns.take("b", fail)];
  expect(turns.entries()).toBe(2);
  await Promise.allSettled(taken);
  expect(turns.entries()).toBe(0);
});

async function fail(): Promise<never> {
  throw new Error("Failed");
}
