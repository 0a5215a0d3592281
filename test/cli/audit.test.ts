import { type CommandDef, runCommand } from "citty";
import { expect, test } from "vitest";
import { createAuditCommand } from "../../src/cli/audit.ts";
import { type Bench, createBench, crypto, path, settle, toJson, write } from "../audit/fakes.ts";

async function run(bench: Bench, name: string, ...rawArgs: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const stop = new AbortController();
  let alive = 0;
  const command = createAuditCommand(async () => ({
    files: bench.files,
    clock: bench.clock,
    crypto,
    print: (line) => out.push(line),
    complain: (line) => err.push(line),
    auditFile: async () => path,
    signal: stop.signal,
    stayAlive: () => {
      alive++;
      return () => alive--;
    },
  }));
  const { [name]: subCommand } = command.subCommands as Record<string, CommandDef>;
  const done = runCommand(subCommand!, { rawArgs }).then(({ result }) => result);
  const exit = rawArgs.includes("--follow") ? undefined : await done;
  return { out, err, exit, stop: () => stop.abort(), done, alive: () => alive };
}

async function createFile(): Promise<Bench> {
  const bench = createBench();
  const audit = await bench.open();
  const now = bench.clock.now();
  await write(audit, {
    time: now - 7_200_000,
    id: "r1",
    client: "web-app",
    method: "tools/call",
    upstream: "weather",
    target: "forecast",
    ms: 12.345,
    redactions: [
      { kind: "github", where: "/a", count: 2 },
      { kind: "aws", where: "/b", count: 1 },
    ],
    args: toJson({ city: "Oslo" }),
  });
  await write(audit, {
    time: now - 60_000,
    id: "r2",
    client: "cli",
    method: "tools/call",
    upstream: "weather",
    target: "secret_\u009b31m",
    decision: "denied",
    code: "POLICY_DENIED",
  });
  await audit.close();
  return bench;
}

test("audit tail prints one line per record under its heads", async () => {
  const { out, exit } = await run(await createFile(), "tail");
  expect(out).toEqual(
    [
      "time (UTC)               client   call                                   decision  code             ms  redacted",
      "2026-03-01 12:00:00.000                                                  start",
      "2026-03-01 10:00:00.000  web-app  tools/call weather/forecast            allowed                  12.3         3",
      "2026-03-01 11:59:00.000  cli      tools/call weather/secret_\\u009b31m    denied    POLICY_DENIED",
      "2026-03-01 12:00:00.000                                                  stop",
    ].map((line) => expect.stringMatching(toLoose(line)) as string),
  );
  expect(exit).toBe(0);
});

/** The same words in the same order; the widths are the table's own matter. */
function toLoose(line: string): RegExp {
  const words = line.split(/\s+/).map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${words.join("\\s+")}$`);
}

test("audit tail keeps its columns under each other", async () => {
  const { out } = await run(await createFile(), "tail");
  const at = out[0]!.indexOf("decision");
  expect(out.slice(1).map((line) => line.slice(at).split(" ")[0])).toEqual([
    "start",
    "allowed",
    "denied",
    "stop",
  ]);
});

test("audit tail -n takes the newest, --json the lines as they are", async () => {
  const bench = await createFile();
  const { out } = await run(bench, "tail", "-n", "2", "--json");
  expect(out).toEqual(bench.lines().slice(-2));
});

test("audit tail --follow goes on with what comes, and across a restart", async () => {
  const bench = await createFile();
  const tail = await run(bench, "tail", "-n", "1", "--json", "--follow");
  await settle();
  expect(tail.alive()).toBe(1);
  const audit = await bench.open();
  await write(audit, { id: "new" });
  await bench.clock.advance(1_000);
  expect(tail.out).toEqual(bench.lines().slice(-3));
  bench.files.texts.set(path, "");
  await write(await bench.open(), { id: "other file" });
  await bench.clock.advance(1_000);
  expect(tail.out.slice(3)).toEqual(bench.lines());
  tail.stop();
  expect(await tail.done).toBe(0);
  expect(tail.alive()).toBe(0);
  expect(bench.clock.timers()).toBe(0);
});

test("audit tail shows a line that is no record without letting it reach the terminal", async () => {
  const bench = await createFile();
  bench.files.texts.set(path, `${bench.text()}\u001b[2J\u202eevil\n`);
  const { out } = await run(bench, "tail", "-n", "1");
  expect(out[1]).toContain("(no audit record) \\u001b[2J\\u202eevil");
});

test("audit query finds by each filter, and by all together", async () => {
  const bench = await createFile();
  const ids = async (...args: string[]): Promise<unknown[]> =>
    (await run(bench, "query", "--json", ...args)).out.map(
      (line) => (JSON.parse(line) as { id?: string }).id,
    );
  expect(await ids("--client", "cli")).toEqual(["r2"]);
  expect(await ids("--decision", "allowed")).toEqual(["r1"]);
  expect(await ids("--code", "POLICY_*")).toEqual(["r2"]);
  expect(await ids("--method", "tools/call")).toEqual(["r1", "r2"]);
  expect(await ids("--upstream", "weather", "--limit", "1")).toEqual(["r1"]);
  expect(await ids("--target", "forecast")).toEqual(["r1"]);
  expect(await ids("--target", "weather/sec*")).toEqual(["r2"]);
  expect(await ids("--id", "r1")).toEqual(["r1"]);
  expect(await ids("--since", "1h", "--method", "*/call")).toEqual(["r2"]);
  expect(await ids("--until", "2026-03-01T11:00:00Z")).toEqual(["r1"]);
  expect(await ids("--client", "web-app", "--decision", "denied")).toEqual([]);
});

test("audit query says where a filter cannot be read", async () => {
  const bench = await createFile();
  expect(await run(bench, "query", "--since", "soon")).toMatchObject({
    exit: 2,
    err: [
      'Cannot read --since "soon": it must be a span such as 1h or a time such as 2026-03-01T12:00:00Z',
    ],
  });
  expect((await run(bench, "query", "--limit", "-3")).exit).toBe(2);
  expect((await run(bench, "tail", "-n", "many")).exit).toBe(2);
});

test("audit verify exits 0 for a whole file and says what it read", async () => {
  const { out, exit } = await run(await createFile(), "verify");
  expect(exit).toBe(0);
  expect(out).toEqual([
    "/logs/audit.jsonl: 4 records from 2026-03-01T12:00:00.000Z to 2026-03-01T12:00:00.000Z, none changed, none missing",
  ]);
});

test("audit verify exits 1 and names the line", async () => {
  const bench = await createFile();
  bench.files.texts.set(path, bench.text().replace('"denied"', '"allowed"'));
  const { out, exit } = await run(bench, "verify", path);
  expect(exit).toBe(1);
  expect(out[0]).toBe(
    "/logs/audit.jsonl, line 3: Record 3 was changed after it was written: its hash does not fit",
  );
  const json = await run(bench, "verify", "--json");
  expect(JSON.parse(json.out[0]!)).toMatchObject({ ok: false, fault: { line: 3 } });
});

test("audit verify exits 0 for a torn last line and says that it is none", async () => {
  const bench = await createFile();
  bench.files.texts.set(path, bench.text().slice(0, -20));
  const { out, exit } = await run(bench, "verify");
  expect(exit).toBe(0);
  expect(out[1]).toContain("cut short");
});

test("audit commands say where there is no file", async () => {
  for (const command of ["tail", "query", "verify"]) {
    expect(await run(createBench(), command, "--file", "/no/file")).toMatchObject({
      exit: 2,
      err: [
        'Cannot read "/no/file": there is no such file (nothing is recorded there yet, or --file FILE names another)',
      ],
    });
  }
});

test("audit commands say why a file cannot be read", async () => {
  const bench = createBench();
  const readTail = () => Promise.reject(Object.assign(new Error("EISDIR"), { code: "EISDIR" }));
  for (const command of ["tail", "query", "verify"]) {
    const folder = { ...bench, files: { ...bench.files, readTail } };
    expect(await run(folder, command, "--file", "/folder")).toMatchObject({
      exit: 2,
      err: ['Cannot read "/folder": it is a folder'],
    });
  }
});

test("audit query names the decisions there are", async () => {
  const { exit, err } = await run(await createFile(), "query", "--decision", "refused");
  expect(exit).toBe(2);
  expect(err).toEqual([
    'Cannot read --decision "refused": it must be one of allowed, denied, asked, failed, cancelled',
  ]);
});
