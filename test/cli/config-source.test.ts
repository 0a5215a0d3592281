import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createConfigSource, watchConfig } from "../../src/cli/config-source.ts";
import type { LoadedConfig, RefusedConfig } from "../../src/config/index.ts";
import { type Runtime, openRuntime } from "../../src/runtime/index.ts";
import { settle, timerClock } from "../sessions/hand-timers.ts";

let folder: string;
let runtime: Runtime;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "source-"));
  runtime = { ...(await openRuntime()), cwd: () => folder, env: {} };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const source = () => createConfigSource(runtime, {}, new Uint8Array(32));
const write = (config: object) =>
  writeFile(join(folder, "gateway.config.json"), JSON.stringify(config));
const stdio = { auth: "stdio" };

test("The demo takes the place of no config that is gone", async () => {
  await write({ clients: {} });
  const { load, isDemo } = source();
  expect((await load()).config?.clients).toEqual({});
  await rm(join(folder, "gateway.config.json"));
  const gone = await load();
  expect(gone.config).toBeUndefined();
  expect(gone.faults).toMatchObject([{ message: "There is no such file" }]);
  expect(isDemo()).toBe(false);
  await write({ clients: { own: stdio } });
  expect((await load()).config?.clients["own"]).toBeDefined();
});

test("A client that comes through stdio keeps its token over a config without it", async () => {
  await write({ clients: { own: stdio } });
  const { load, tokens } = source();
  await load();
  const before = new Map(tokens());
  expect([...before.keys()]).toEqual(["own"]);
  // It may be refused.
  await write({ clients: {} });
  expect((await load()).config?.clients).toEqual({});
  expect(tokens()).toEqual(before);
});

function watch(isWhole: boolean) {
  const clock = timerClock();
  const files = new Map<string, string>();
  let reloads = 0;
  const fingerprint = async (path: string): Promise<string> => files.get(path) ?? "";
  const loadedOf = (secrets: string[], sources: string[]) =>
    ({ watched: { secrets, sources } }) as unknown as LoadedConfig;
  const { follow } = watchConfig(
    loadedOf(["token"], ["config"]),
    isWhole,
    { ...runtime, clock, fingerprint },
    () => void reloads++,
  );
  return {
    follow,
    loadedOf,
    /** How often it is taken up. */
    change: async (path: string): Promise<number> => {
      await settle();
      files.set(path, `${files.get(path) ?? ""}.`);
      for (let look = 0; look < 5; look++) {
        clock.advance(1_000);
        await settle();
      }
      return reloads;
    },
  };
}

test("A changed config is taken up only where that is wished, a changed secret always", async () => {
  const only = watch(false);
  expect(await only.change("config")).toBe(0);
  expect(await only.change("token")).toBe(1);
  const whole = watch(true);
  expect(await whole.change("config")).toBe(1);
  expect(await whole.change("token")).toBe(2);
});

test("What the running config is made of is followed also behind one that was refused", async () => {
  const { follow, loadedOf, change } = watch(false);
  const unread = { faults: [], watched: { secrets: [], sources: ["config"] } };
  follow(unread satisfies RefusedConfig, loadedOf(["token"], ["config"]));
  expect(await change("token")).toBe(1);
});
