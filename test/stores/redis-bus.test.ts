import type { Redis } from "ioredis";
import { expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { createRedisBus } from "../../src/stores/redis-bus.ts";
import type { Link } from "../../src/stores/redis-link.ts";
import { silentLog } from "./open.ts";

test("A channel that is asked for while a connection is greeted is listened to", async () => {
  const listened: string[][] = [];
  const redis = {
    on: () => redis,
    subscribe: async (...channels: string[]) => void listened.push(channels),
  } as unknown as Redis;
  let up = false;
  const link: Link = {
    run: async (command) => {
      if (!up) throw new StoreLost("unreachable", "away");
      return command(redis);
    },
    isUp: () => up,
    close: async () => undefined,
  };
  const listener = createRedisBus("p:", 0, silentLog);
  const bus = listener.start(link, link);
  await bus.subscribe("early", () => undefined);
  for (const step of listener.greeting) await step(redis);
  await bus.subscribe("late", () => undefined);
  up = true;
  listener.catchUp();
  expect(listened).toEqual([["p:bus0:", "p:bus0:early"], ["p:bus0:late"]]);
});
