/** What every plugin in `plugins/` has to hold to, in the real sandbox: its fixtures, and hostile input. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRuntime } from "../../src/runtime/index.ts";
import {
  type Fixture,
  type FixturePorts,
  type FixtureResult,
  type PluginPool,
  type Subject,
  createPluginPool,
  loadPluginFile,
  parseFixtures,
  readFixtures,
  runFixtures,
  runHostile,
  toSubject,
} from "../../src/sandbox/index.ts";
import { limits } from "../sandbox/pool/harness.ts";

export interface Shipped {
  readonly pool: PluginPool;
  readonly subject: Subject;
  readonly ports: FixturePorts;
  readonly fixtures: readonly Fixture[];
}

const folder = fileURLToPath(new URL("../..", import.meta.url));
const quiet = () => undefined;
const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };

export async function openShipped(name: string): Promise<Shipped> {
  const { threads, clock, crypto, config: files } = await openRuntime();
  const ports = { files, crypto };
  const use = `./plugins/${name}.ts`;
  const { code, ...rest } = await loadPluginFile({ use, folder }, ports);
  if (code === undefined) throw new Error(JSON.stringify(rest));
  const pool = createPluginPool({ threads, clock, crypto, log }, { threads: 1 });
  // Time is the machine's; what a plugin may cost its fixtures say in fuel.
  const given = { ...limits, maxInputKb: 4_096, cpuMs: 1_000, wallMs: 10_000, loadMs: 10_000 };
  const traits = await pool.inspect(code, given);
  if ("fault" in traits) throw new Error(traits.fault);
  const found = (await readFixtures(`${folder}/${use}`, files)) ?? parseFixtures("[]");
  if (found.faults.length > 0) throw new Error(JSON.stringify(found.faults, undefined, 2));
  const subject = toSubject(code, traits, given);
  return { pool, subject, ports: { pool, clock, crypto }, fixtures: found.fixtures };
}

/** `config` is one that it opens with; fixtures of several names may not share one. */
export function runShipped(name: string, config: unknown): void {
  describe(`${name}, in the sandbox`, () => {
    let shipped: Shipped;
    let results: readonly FixtureResult[] = [];
    beforeAll(async () => {
      shipped = await openShipped(name);
      results = await runFixtures(shipped.subject, shipped.fixtures, shipped.ports);
    }, 60_000);
    afterAll(() => shipped.pool.close());

    test("has at least 25 fixtures, no two of one name", () => {
      expect(shipped.fixtures.length).toBeGreaterThanOrEqual(25);
      expect(new Set(shipped.fixtures.map((one) => one.name)).size).toBe(shipped.fixtures.length);
    });

    test("does what its fixtures say", () => {
      expect(results.length).toBe(shipped.fixtures.length);
      expect(results.filter(({ ok }) => !ok)).toEqual([]);
    });

    test("fails at no input, however hostile", async () => {
      const { subject, fixtures, ports } = shipped;
      const all = await runHostile(
        subject,
        {
          config: JSON.stringify(config),
          samples: (hook) => fixtures.filter((one) => one.hook === hook).map(({ input }) => input),
        },
        ports,
      );
      expect(all.map(({ hook }) => hook).sort()).toEqual([...subject.plugin.hooks].sort());
      expect(all.flatMap(({ failures }) => failures)).toEqual([]);
    }, 60_000);
  });
}
