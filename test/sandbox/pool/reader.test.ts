import { expect, test } from "vitest";
import type { Threads } from "../../../src/core/index.ts";
import { openRuntime } from "../../../src/runtime/index.ts";
import { createPluginPool } from "../../../src/sandbox/index.ts";
import type { Order } from "../../../src/sandbox/thread/index.ts";
import { createPulseWriter } from "../../../src/sandbox/thread/pulse.ts";
import { createFakeClock } from "../../upstreams/harness.ts";
import { createLines, crypto, settle } from "./harness.ts";

const nested = `x=${"<T>(".repeat(40)}1${")".repeat(40)}`;

/** Threads that read everything but what is nested; that one they never end with. */
function createReaders(): Threads & { readonly read: string[]; readonly ended: number[] } {
  const read: string[] = [];
  const ended: number[] = [];
  return {
    cores: 2,
    endsBusy: true,
    momentMs: 0,
    turn: () => undefined,
    read,
    ended,
    start: ({ hear }) => {
      const at = ended.push(0) - 1;
      let pulse = createPulseWriter(new SharedArrayBuffer(16));
      return {
        post: (message) => {
          const order = message as Order;
          if (order.type === "begin") {
            pulse = createPulseWriter(order.pulse);
            hear({ type: "ready" });
          }
          if (order.type !== "strip") return;
          read.push(order.source);
          pulse.enter(0, 5_000);
          if (order.source === nested) return;
          pulse.leave();
          hear({ type: "stripped", id: order.id, said: { code: `read ${order.source}` } });
        },
        terminate: () => void ended[at]!++,
      };
    },
  };
}

function createRig() {
  const clock = createFakeClock();
  const threads = createReaders();
  const pool = createPluginPool({ threads, clock, log: createLines().log, crypto });
  return { clock, threads, pool };
}

test("TypeScript that is never read to its end is given up, and what comes behind it is read", async () => {
  const { clock, threads, pool } = createRig();
  const both = Promise.all([pool.strip(nested), pool.strip("b")]);
  await settle();
  await clock.advance(6_000);
  expect(await both).toEqual([
    { fault: expect.stringContaining("within some seconds"), hint: expect.any(String) },
    { code: "read b" },
  ]);
  expect(threads.ended).toEqual([1, 0]);
});

test("TypeScript that was given up once is not read again", async () => {
  const { clock, threads, pool } = createRig();
  const first = pool.strip(nested);
  await settle();
  await clock.advance(6_000);
  expect(await pool.strip(nested)).toEqual(await first);
  expect(threads.read).toEqual([nested]);
});

test("the thread that reads ends when nothing is left to read", async () => {
  const { clock, threads, pool } = createRig();
  await pool.strip("a");
  await pool.strip("b");
  expect(threads.ended).toEqual([0]);
  await clock.advance(2_000);
  expect(threads.ended).toEqual([1]);
});

test("a closing pool leaves nobody waiting for what is read", async () => {
  const { threads, pool } = createRig();
  const said = pool.strip(nested);
  await settle();
  pool.close();
  expect(await said).toEqual({ fault: "The gateway is closing" });
  expect(threads.ended).toEqual([1]);
});

test("a real thread takes the types out", async () => {
  const { threads, clock, crypto: hashes } = await openRuntime();
  const pool = createPluginPool({ threads, clock, log: createLines().log, crypto: hashes });
  expect(await pool.strip("let a: 1")).toEqual({ code: "let a   " });
  pool.close();
});
