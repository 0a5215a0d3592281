import { expect, test } from "vitest";
import { createEars } from "../../src/upstreams/ears.ts";

async function* numbers(...given: readonly number[]): AsyncGenerator<number> {
  yield* given;
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const tools = new Set(["tools"] as const);
const hint = { kind: "list", list: "tools" };

test("an ear hears once of what was told several times, before what comes after it", async () => {
  const ears = createEars();
  const ear = ears.open(tools);
  ears.tell("tools");
  ears.tell("tools");
  ears.tell("prompts");
  const events = numbers(1, 2);
  expect(await gather(ear.during(() => events.next()))).toEqual([hint, 1, 2]);
});

test("an ear hears while nothing comes, and of what was told between two ways", async () => {
  const ears = createEars();
  const ear = ears.open(tools);
  const quiet = ear.during<never>(() => new Promise(() => undefined));
  const first = quiet.next();
  ears.tell("tools");
  expect((await first).value).toEqual(hint);
  ears.tell("tools");
  expect(await gather(ear.during(() => numbers().next()))).toEqual([hint]);
});

test("an ear that is closed hears nothing", async () => {
  const ears = createEars();
  const ear = ears.open(tools);
  ear.close();
  ears.tell("tools");
  const events = numbers(1);
  expect(await gather(ear.during(() => events.next()))).toEqual([1]);
});

test("what goes wrong meanwhile is thrown where it is heard", async () => {
  const ear = createEars().open(tools);
  const fails = async (): Promise<never> => {
    throw new Error("broken");
  };
  await expect(gather(ear.during<never>(fails))).rejects.toThrow("broken");
});
