import process from "node:process";
import { expect, test } from "vitest";
import type { Thread } from "../../src/core/index.ts";
import { createThreads } from "../../src/runtime/threads.ts";

const module = new URL("fixtures/thread.mjs", import.meta.url);
const threads = createThreads({ module, heapMb: 32 });
const isNode = !("Deno" in globalThis);

interface Rig {
  readonly thread: Thread;
  readonly next: () => Promise<unknown>;
  readonly gone: Promise<string>;
}
function start(): Rig {
  const heard: unknown[] = [];
  let wake = (): void => undefined;
  let ended: (why: string) => void = () => undefined;
  const gone = new Promise<string>((resolve) => {
    ended = resolve;
  });
  const thread = threads.start({
    hear: (message) => {
      heard.push(message);
      wake();
    },
    ended,
  });
  const next = async (): Promise<unknown> => {
    if (heard.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return heard.shift();
  };
  return { thread, next, gone };
}

test("threads hand messages over in order, from before they have started", async () => {
  const { thread, next } = start();
  for (const number of [1, 2, 3]) thread.post({ echo: number });
  expect([await next(), await next(), await next()]).toEqual([1, 2, 3]);
  thread.terminate();
});

test("threads share memory that is posted to them", async () => {
  const { thread, next } = start();
  const memory = new SharedArrayBuffer(4);
  thread.post({ write: memory });
  await next();
  expect(new Int32Array(memory)[0]).toBe(7);
  thread.terminate();
});

test("threads do not see the program's environment", async () => {
  process.env["MCP_GW_TEST"] = "seen";
  const { thread, next } = start();
  thread.post({ env: "MCP_GW_TEST" });
  expect(await next()).toBe("absent");
  thread.terminate();
});

test("threads that fail say why", async () => {
  const { thread, gone } = start();
  thread.post({ fail: "on purpose" });
  expect(await gone).toContain("on purpose");
});

test("threads that end by themselves are heard of", async () => {
  const { thread, gone } = start();
  thread.post({ exit: 3 });
  expect(await gone).toContain("3");
});

test.runIf(isNode)("threads that take too much memory end alone", { timeout: 60_000 }, async () => {
  const { thread, gone } = start();
  thread.post({ fill: true });
  expect(await gone).toMatch(/memory/);
});

test("threads that were terminated are not heard of again", async () => {
  const { thread, next, gone } = start();
  thread.post({ echo: 1 });
  await next();
  thread.terminate();
  thread.post({ echo: 2 });
  const other = start();
  other.thread.post({ echo: 3 });
  const first = Promise.race([next(), gone, other.next()]);
  expect(await first).toBe(3);
  other.thread.terminate();
});
