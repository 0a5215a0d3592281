/** Threads that really burn: on Deno nothing could end them, and the test would go on with them. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openRuntime } from "../../../src/runtime/index.ts";
import { createThreads } from "../../../src/runtime/threads.ts";
import { createPluginPool } from "../../../src/sandbox/index.ts";
import { commandOfFile } from "../../built.ts";
import { launch } from "../../cli/processes.ts";
import { call, createLines, orThrow, toSpec } from "./harness.ts";

const { clock, crypto } = await openRuntime();
const isNode = !("Deno" in globalThis);

test.runIf(isNode)("a thread that burns is ended, and the next call is good", async () => {
  const threads = createThreads({ module: new URL("fixtures/stuck-thread.ts", import.meta.url) });
  const pool = createPluginPool({ threads, clock, crypto, log: createLines().log });
  const set = orThrow(await pool.open([toSpec("a")]));
  expect(await call(set, { do: "hang" })).toBe("worker_lost");
  expect(await call(set, { do: "allow" })).toBe("allow");
  expect(pool.stats()).toEqual({ live: 1, started: 2, lost: 1, zombies: 0 });
  pool.close();
});

test("a program whose pool is closed ends by itself", async () => {
  const file = fileURLToPath(new URL("fixtures/closing-program.ts", import.meta.url));
  const program = launch(commandOfFile(file));
  expect(await program.exited).toBe(0);
  expect(program.output()).toContain("allow 1");
});
