import { expect, test } from "vitest";
import { createSupervisor } from "../../src/cli/workers-supervisor.ts";
import type { SignalName, WorkerStart } from "../../src/runtime/index.ts";

/** Workers that do what the test says, and a clock that it turns. */
function supervise(count: number) {
  let now = 0;
  let timers: { at: number; act: () => void }[] = [];
  const events: string[] = [];
  const workers = new Map<number, Worker>();
  const supervisor = createSupervisor<string>({
    count,
    start: ({ index, init, hear }: WorkerStart) => {
      let exit: (code: number | undefined) => void = () => undefined;
      const exited = new Promise<number | undefined>((resolve) => {
        exit = resolve;
      });
      events.push(`start ${index} ${JSON.stringify(init)}`);
      workers.set(index, {
        ready: () => hear({ type: "ready", ready: `r${index}` }),
        fail: (text) => hear({ type: "failed", text }),
        exit,
      });
      return {
        exited,
        signal: (name: SignalName) => events.push(`${name} ${index}`),
        kill: () => {
          events.push(`kill ${index}`);
          exit(undefined);
        },
      };
    },
    initOf: (_index, isFirst) => ({ isFirst }),
    ready: (index, ready) => events.push(`ready ${index} ${ready}`),
    gone: async (index) => {
      events.push(`gone ${index}`);
    },
    clock: {
      elapsed: () => now,
      after: (ms, act) => {
        const timer = { at: now + ms, act };
        timers.push(timer);
        return { cancel: () => (timers = timers.filter((each) => each !== timer)) };
      },
    },
    log: {
      warn: (_message, fields) => events.push(`again in ${fields?.["inMs"]}`),
      error: (message) => events.push(message),
    },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const take = async (): Promise<string[]> => {
    await settle();
    return events.splice(0);
  };
  return {
    ...supervisor,
    take,
    worker: (index: number) => workers.get(index) as Worker,
    pass: async (ms: number) => {
      now += ms;
      const due = timers.filter(({ at }) => at <= now);
      timers = timers.filter(({ at }) => at > now);
      for (const { act } of due) act();
      await settle();
    },
    /** All are ready. */
    begun: async () => {
      const begun = supervisor.begin();
      workers.get(1)?.ready();
      await settle();
      for (let index = 2; index <= count; index += 1) workers.get(index)?.ready();
      await begun;
      events.splice(0);
    },
  };
}
interface Worker {
  readonly ready: () => void;
  readonly fail: (text: string) => void;
  readonly exit: (code: number | undefined) => void;
}

test("a supervisor starts the others when the first worker is ready", async () => {
  const { begin, worker, take } = supervise(3);
  const begun = begin();
  expect(await take()).toEqual(['start 1 {"isFirst":true}']);
  worker(1).ready();
  expect(await take()).toEqual([
    "ready 1 r1",
    'start 2 {"isFirst":true}',
    'start 3 {"isFirst":true}',
  ]);
  worker(3).ready();
  worker(2).ready();
  await begun;
});

test("a supervisor starts a dead worker again after a delay that doubles until one lives for 10 s", async () => {
  const { begun, worker, take, pass } = supervise(1);
  await begun();
  const delays: string[] = [];
  for (let death = 0; death < 8; death += 1) {
    worker(1).exit(1);
    delays.push(...(await take()).filter((event) => event.startsWith("again")));
    await pass(10_000);
    expect(await take()).toEqual(["gone 1", 'start 1 {"isFirst":false}']);
  }
  expect(delays.map((text) => Number(text.slice(9)))).toEqual([
    200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000,
  ]);
  worker(1).ready();
  await pass(10_000);
  worker(1).exit(0);
  expect(await take()).toEqual(["ready 1 r1", "again in 200"]);
});

test("a supervisor says why a worker cannot start again, and goes on trying", async () => {
  const { begun, worker, take, pass } = supervise(1);
  await begun();
  worker(1).exit(1);
  await take();
  await pass(200);
  worker(1).fail("no");
  worker(1).exit(1);
  expect(await take()).toEqual([
    "gone 1",
    'start 1 {"isFirst":false}',
    "A worker cannot start",
    "again in 400",
  ]);
});

test("a supervisor gives up where a worker ends before it was ready, with what that said", async () => {
  const said = supervise(1);
  const saying = said.begin();
  said.worker(1).fail("The port is taken");
  said.worker(1).exit(1);
  await expect(saying).rejects.toThrow(/^The port is taken$/);
  const silent = supervise(2);
  const begun = silent.begin();
  silent.worker(1).ready();
  await silent.take();
  silent.worker(2).exit(7);
  await expect(begun).rejects.toThrow("Worker 2 ended: exit code 7");
});

test("a supervisor kills a worker that is not ready within two minutes of its first start", async () => {
  const { begin, take, pass } = supervise(1);
  const begun = begin();
  await take();
  const refused = expect(begun).rejects.toThrow("Worker 1 ended: killed");
  await pass(120_000);
  await refused;
});

test("a supervisor that ends starts none again, waits for all, and kills the rest at the deadline", async () => {
  const { begun, worker, end, take, pass } = supervise(3);
  await begun();
  worker(3).exit(1);
  await take();
  const ended = end(500);
  worker(1).exit(0);
  await pass(499);
  expect(await take()).toEqual([]);
  await pass(1);
  expect(await ended).toBe(false);
  expect(await take()).toEqual(["kill 2"]);
  await pass(60_000);
  expect(await take()).toEqual([]);
});

test("a supervisor has ended well where each worker did", async () => {
  const well = supervise(2);
  await well.begun();
  const ended = well.end(500);
  well.worker(1).exit(0);
  well.worker(2).exit(0);
  expect(await ended).toBe(true);
  const ill = supervise(1);
  await ill.begun();
  const over = ill.end(500);
  ill.worker(1).exit(1);
  expect(await over).toBe(false);
});
