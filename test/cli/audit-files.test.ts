/** The record of one config in several files: its own, and those of workers and pipes beside it. */
import { type CommandDef, runCommand } from "citty";
import { expect, test } from "vitest";
import { createAuditCommand } from "../../src/cli/audit.ts";
import { besideOf, filesOf } from "../../src/cli/beside.ts";
import { type Bench, createBench, crypto, path, settle, write } from "../audit/fakes.ts";

const worker = "/logs/audit-worker-2.jsonl";
const pipe = "/logs/audit-stdio-42.jsonl";

async function run(bench: Bench, name: string, ...rawArgs: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const stop = new AbortController();
  const command = createAuditCommand(async () => ({
    files: bench.files,
    clock: bench.clock,
    crypto,
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
    auditFile: async () => path,
    signal: stop.signal,
    stayAlive: () => () => undefined,
  }));
  const { [name]: subCommand } = command.subCommands as Record<string, CommandDef>;
  const done = runCommand(subCommand!, { rawArgs }).then(({ result }) => result);
  const exit = rawArgs.includes("--follow") ? undefined : await done;
  return { out, err, exit, stop: () => stop.abort(), done };
}

/** Three processes whose records come by turns: r1 to r6, a second each. */
async function createFiles(): Promise<Bench> {
  const bench = createBench();
  const audits = [];
  for (const [at, file] of [path, worker, pipe].entries())
    audits.push(await bench.open({ path: file, instance: `p${at}` }));
  for (let turn = 1; turn <= 6; turn++) {
    await bench.clock.advance(1_000);
    await write(audits[turn % 3]!, { id: `r${turn}`, time: bench.clock.now() });
  }
  for (const audit of audits) await audit.close();
  return bench;
}

const idsOf = (lines: readonly string[]): string[] =>
  lines.flatMap((line) => (JSON.parse(line) as { id?: string }).id ?? []);

test("besideOf puts the label before the ending of the name alone", () => {
  expect(besideOf("/a.b/audit.jsonl", "worker-3")).toBe("/a.b/audit-worker-3.jsonl");
  expect(besideOf("/a.b/audit", "stdio-42")).toBe("/a.b/audit-stdio-42");
  expect(besideOf("/a/audit.1.log", "worker-0")).toBe("/a/audit.1-worker-0.log");
});

test("filesOf finds a record's own files, in order, and no other", async () => {
  const names = [
    "audit-worker-10.jsonl",
    "audit-worker-9.jsonl",
    "audit-stdio-7.jsonl",
    "audit.jsonl",
    "audit.jsonl.lock",
    "audit-stdio-7.jsonl.lock",
    "audit-old.jsonl",
    "audit-worker-.jsonl",
    "audit-worker-1.jsonl.bak",
    "audit-worker-x1.jsonl",
    "my-audit-worker-1.jsonl",
    "audit2.jsonl",
    "other.jsonl",
  ];
  const found = (file: string) => filesOf({ list: async () => names }, file);
  expect(await found("/logs/audit.jsonl")).toEqual([
    "/logs/audit.jsonl",
    "/logs/audit-stdio-7.jsonl",
    "/logs/audit-worker-9.jsonl",
    "/logs/audit-worker-10.jsonl",
  ]);
  expect(await found("/audit.jsonl")).toContain("/audit-worker-9.jsonl");
  expect(await found("/logs/none.jsonl")).toEqual([]);
});

test("audit query merges all files by time, and --file names one of them", async () => {
  const bench = await createFiles();
  const all = await run(bench, "query", "--json", "--kind", "exchange");
  expect(idsOf(all.out)).toEqual(["r1", "r2", "r3", "r4", "r5", "r6"]);
  expect(idsOf((await run(bench, "query", "--json", "--limit", "6")).out)).toEqual([
    "r1",
    "r2",
    "r3",
  ]);
  const one = await run(bench, "query", "--json", "--file", worker);
  expect(idsOf(one.out)).toEqual(["r1", "r4"]);
});

test("audit query puts records of one moment in the order of their instances and numbers", async () => {
  const bench = createBench();
  const [second, first] = [
    await bench.open({ path, instance: "b" }),
    await bench.open({ path: worker, instance: "a" }),
  ];
  const time = bench.clock.now();
  for (const id of ["1", "2"]) {
    await write(second, { id: `b${id}`, time });
    await write(first, { id: `a${id}`, time });
  }
  const { out } = await run(bench, "query", "--json");
  expect(idsOf(out)).toEqual(["a1", "a2", "b1", "b2"]);
});

test("audit query merges by when a record was written, and keeps the order of each file", async () => {
  const bench = createBench();
  const [main, other] = [await bench.open({ path }), await bench.open({ path: worker })];
  const from = bench.clock.now();
  await write(main, { id: "quick", time: from + 500, ms: 10 });
  await write(other, { id: "other", time: from + 2_000, ms: 1 });
  await write(main, { id: "slow", time: from, ms: 3_000 });
  expect(idsOf((await run(bench, "query", "--json")).out)).toEqual(["quick", "other", "slow"]);
  expect(idsOf((await run(bench, "tail", "--json")).out)).toEqual(["quick", "other", "slow"]);
});

test("audit query holds one record of each file, and open only what it reads", async () => {
  const bench = createBench();
  for (let pid = 0; pid < 50; pid++) {
    const audit = await bench.open({ path: `/logs/audit-stdio-${pid}.jsonl` });
    for (let count = 0; count < 20; count++) {
      await bench.clock.advance(10);
      await write(audit, { time: bench.clock.now() });
    }
    await bench.clock.advance(10);
    await audit.close();
  }
  let open = 0;
  let most = 0;
  const readLines = async function* (file: string): AsyncIterable<string> {
    most = Math.max(most, ++open);
    try {
      yield* bench.files.readLines(file);
    } finally {
      open--;
    }
  };
  const { out } = await run(
    { ...bench, files: { ...bench.files, readLines } },
    "query",
    "--json",
    "--limit",
    "1000",
  );
  expect(out).toHaveLength(1_000);
  expect(most).toBeLessThanOrEqual(2);
  expect(open).toBe(0);
});

test("audit tail shows the newest of all files", async () => {
  const bench = await createFiles();
  const { out } = await run(bench, "tail", "-n", "5", "--json");
  expect(idsOf(out)).toEqual(["r5", "r6"]);
  expect(out).toHaveLength(5);
  const one = await run(bench, "tail", "-n", "2", "--json", "--file", pipe);
  expect(idsOf(one.out)).toEqual(["r5"]);
});

test("audit tail --follow goes on with all files, also one that appears later", async () => {
  const bench = await createFiles();
  const tail = await run(bench, "tail", "-n", "0", "--json", "--follow");
  await settle();
  const again = await bench.open({ path: worker });
  await write(again, { id: "again", time: bench.clock.now() });
  await bench.clock.advance(1_000);
  expect(idsOf(tail.out)).toEqual(["again"]);
  const late = await bench.open({ path: "/logs/audit-worker-7.jsonl" });
  await write(late, { id: "late", time: bench.clock.now() });
  await bench.clock.advance(1_000);
  expect(idsOf(tail.out)).toEqual(["again", "late"]);
  tail.stop();
  expect(await tail.done).toBe(0);
});

test("audit tail --follow waits for a record that is not there yet", async () => {
  const bench = createBench();
  const tail = await run(bench, "tail", "--json", "--follow");
  await settle();
  await write(await bench.open({ path: worker }), { id: "first" });
  await bench.clock.advance(1_000);
  expect(idsOf(tail.out)).toEqual(["first"]);
  tail.stop();
  expect(await tail.done).toBe(0);
});

test("audit verify gives each file its verdict, and exits 1 where one does not hold", async () => {
  const bench = await createFiles();
  const good = await run(bench, "verify");
  expect(good.exit).toBe(0);
  expect(good.out.map((line) => line.split(":")[0])).toEqual([path, pipe, worker]);
  bench.files.texts.set(pipe, bench.files.texts.get(pipe)!.replace('"r2"', '"r3"'));
  const bad = await run(bench, "verify");
  expect(bad.exit).toBe(1);
  expect(bad.out).toEqual([
    expect.stringContaining(`${path}: 4 records`),
    `${pipe}, line 2: Record 2 was changed after it was written: its hash does not fit`,
    expect.stringContaining("1 record from"),
    expect.stringContaining(`${worker}: 4 records`),
  ]);
  const json = await run(bench, "verify", "--json");
  expect(json.out.map((line) => (JSON.parse(line) as { ok: boolean }).ok)).toEqual([
    true,
    false,
    true,
  ]);
  expect((await run(bench, "verify", path)).exit).toBe(0);
});

test("audit commands read what stands beside a main file that is missing", async () => {
  const bench = await createFiles();
  bench.files.texts.delete(path);
  expect((await run(bench, "verify")).out).toHaveLength(2);
  expect(idsOf((await run(bench, "query", "--json")).out)).toEqual(["r1", "r2", "r4", "r5"]);
  expect((await run(bench, "tail", "-n", "1")).exit).toBe(0);
  expect(await run(bench, "verify", "--file", path)).toMatchObject({ exit: 2, out: [] });
});

test("audit commands name the file that cannot be read", async () => {
  const bench = await createFiles();
  const denied = Object.assign(new Error("EACCES"), { code: "EACCES", path: worker });
  const files = {
    ...bench.files,
    readTail: () => Promise.reject(denied),
    // eslint-disable-next-line require-yield
    readLines: async function* () {
      throw denied;
    },
  };
  for (const command of ["tail", "query", "verify"])
    expect(await run({ ...bench, files }, command)).toMatchObject({
      exit: 2,
      err: [`Cannot read "${worker}": this user may not read it`],
    });
});

test("audit verify says what a crash left, and what the chain cannot tell", async () => {
  const bench = createBench();
  await write(await bench.open());
  bench.files.texts.set(path, bench.text().slice(0, -20));
  const torn = await run(bench, "verify");
  expect(torn.out).toEqual([
    expect.stringContaining("1 record from"),
    "The last line is cut short: a crash, a full disk, or a record that is being written; this alone is no tampering",
    'The last record is no "stop": the gateway runs, or it crashed, or records were taken off the end, which the chain cannot tell',
  ]);
  await (await bench.open()).close();
  const after = await run(bench, "verify");
  expect(after.exit).toBe(0);
  expect(after.out).toEqual([
    expect.stringContaining("none changed, none missing"),
    "1 line cut short by a crash or a full disk; the chain goes on behind, no record is missing there",
    '1 run ended without its "stop" record: it crashed, or records were taken off the end then, which the chain cannot tell',
  ]);
});

test("audit query and tail show what operators did, by whom", async () => {
  const bench = createBench();
  const audit = await bench.open();
  await write(audit, { kind: "admin", subject: "ann", method: "blocks.add", target: "github/*" });
  await write(audit, { subject: "bob", client: "cli" });
  const { out } = await run(bench, "query", "--subject", "ann");
  expect(out).toHaveLength(2);
  expect(out[1]).toMatch(/ ann +blocks\.add github\/\* +allowed$/);
  expect((await run(bench, "query", "--kind", "admin", "--json")).out).toHaveLength(1);
});
