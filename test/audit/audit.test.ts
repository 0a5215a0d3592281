import { expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { createBench, crypto, path, settle, toLines, write } from "./fakes.ts";

const stranger = {
  time: 0,
  id: "r1",
  address: "192.0.2.7",
  transport: "http",
  stage: "authenticate",
  code: "TOKEN_INVALID",
  why: "No client has this token",
  status: 401,
} as const;

test("audit continues number and chain after a restart", async () => {
  const bench = createBench();
  const first = await bench.open();
  await write(first);
  await first.close();
  await write(await bench.open());
  expect(bench.records().map((record) => record["seq"])).toEqual([1, 2, 3, 4, 5]);
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({ ok: true, records: 5 });
});

test("audit keeps a torn last line, goes on behind it and says so", async () => {
  const bench = createBench();
  await write(await bench.open());
  const torn = bench.text().slice(0, -30);
  bench.files.texts.set(path, torn);
  const audit = await bench.open();
  await write(audit);
  expect(bench.text().startsWith(`${torn}\n`)).toBe(true);
  const start = JSON.parse(bench.lines()[2]!) as object;
  expect(start).toMatchObject({ kind: "start", seq: 2, torn: 1 });
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({
    ok: true,
    records: 3,
    cutLines: 1,
  });
});

test("audit only adds the line break where nothing else of the last record is missing", async () => {
  const bench = createBench();
  await write(await bench.open());
  bench.files.texts.set(path, bench.text().trimEnd());
  await bench.open();
  expect(bench.records()[2]).toMatchObject({ seq: 3, kind: "start" });
  expect(bench.records()[2]).not.toHaveProperty("torn");
});

test("audit starts behind a first record that was cut short, and behind several cuts", async () => {
  const bench = createBench();
  bench.files.texts.set(path, '{"v":1,"se\n{"v":1,"seq":1,"ki');
  await bench.open();
  expect(JSON.parse(bench.lines()[2]!)).toMatchObject({ kind: "start", seq: 1, torn: 2 });
});

test("audit refuses to write into a file that is none of its own", async () => {
  const bench = createBench();
  bench.files.texts.set(path, "root:x:0:0\n");
  await expect(bench.open()).rejects.toThrow(
    'Cannot continue "/logs/audit.jsonl": it ends in a line that is no audit record',
  );
  expect(bench.text()).toBe("root:x:0:0\n");
});

test("audit writes what came during an append in one append more, in order", async () => {
  const bench = createBench();
  const audit = await bench.open();
  const before = bench.files.appends;
  await Promise.all(Array.from({ length: 100 }, async (_, at) => write(audit, { id: `r${at}` })));
  expect(bench.files.appends - before).toBe(2);
  expect(
    bench
      .records()
      .slice(1)
      .map((record) => record["id"]),
  ).toEqual(Array.from({ length: 100 }, (_, at) => `r${at}`));
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({ ok: true });
});

test("audit settles a write only when the operating system has the record", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = "hang";
  let isWritten = false;
  const writing = write(audit).then(() => (isWritten = true));
  await settle();
  expect(isWritten).toBe(false);
  bench.files.letGo();
  await writing;
  expect(bench.records()).toHaveLength(2);
});

test("audit refuses the 10,001st reservation, and gives room back", async () => {
  const bench = createBench();
  const audit = await bench.open();
  const held = Array.from({ length: 10_000 }, () => audit.reserve());
  expect(held.every((each) => each !== undefined)).toBe(true);
  expect(audit.reserve()).toBeUndefined();
  held[0]!.release();
  held[0]!.release();
  expect(audit.reserve()).toBeDefined();
  expect(audit.reserve()).toBeUndefined();
  await held[1]!.write({ time: 0 });
  held[1]!.release();
  expect(audit.reserve()).toBeDefined();
  expect(audit.reserve()).toBeUndefined();
});

test("audit takes one record per reservation", async () => {
  const audit = await createBench().open();
  const reservation = audit.reserve()!;
  await reservation.write({ time: 0 });
  await expect(reservation.write({ time: 0 })).rejects.toThrow("room for one record");
});

test("audit refuses by the bytes that wait, too", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = "hang";
  const why = "w".repeat(1_024);
  let taken = 0;
  for (; taken < 9_000; taken++) {
    const reservation = audit.reserve();
    if (reservation === undefined) break;
    void reservation.write({ time: 0, why, target: why, method: why });
  }
  expect(taken).toBeGreaterThan(1_000);
  expect(taken).toBeLessThan(9_000);
});

test("audit is never full for what is written already", async () => {
  const bench = createBench();
  const audit = await bench.open();
  const why = "w".repeat(1_024);
  for (let round = 0; round < 7_000; round++) await write(audit, { why, target: why, method: why });
  expect(bench.text().length).toBeGreaterThan(16 * 1_048_576);
  expect(audit.reserve()).toBeDefined();
});

test("audit that may drop goes on when it is full, and tells how many it dropped", async () => {
  const bench = createBench({ onFull: "drop" });
  const audit = await bench.open();
  const held = Array.from({ length: 10_000 }, () => audit.reserve()!);
  for (let count = 0; count < 3; count++) await audit.reserve()!.write({ time: 0, id: "lost" });
  await held[0]!.write({ time: 0 });
  await held[1]!.write({ time: 0 });
  expect(bench.records()[1]).toMatchObject({ dropped: 3 });
  expect(bench.records()[2]).not.toHaveProperty("dropped");
  expect(bench.log.lines).toEqual(["warn Audit records are dropped"]);
});

for (const kept of [0, 40, 100_000]) {
  test(`audit recovers from a full disk that kept ${kept} characters, without a gap`, async () => {
    const bench = createBench();
    const audit = await bench.open();
    const late = audit.reserve()!;
    bench.files.fault = { kept };
    const writes = [write(audit, { id: "a" }), write(audit, { id: "b" })];
    for (const each of writes) await expect(each).rejects.toThrow('Cannot append to "/logs');
    expect(audit.reserve()).toBeUndefined();
    await expect(late.write({ time: 0, id: "c" })).rejects.toThrow("an earlier append failed");
    await bench.clock.advance(3_000);
    expect(audit.reserve()).toBeUndefined();
    bench.files.fault = undefined;
    await bench.clock.advance(1_000);
    await write(audit, { id: "d" });
    const result = await verifyAudit(toLines(bench.text()), crypto);
    expect(result).toMatchObject({ ok: true, records: 5 });
    const whole = bench.lines().filter((line) => line.endsWith("}"));
    expect(whole.map((line) => (JSON.parse(line) as { id?: string }).id)).toEqual([
      undefined,
      "a",
      "b",
      "c",
      "d",
    ]);
    expect(bench.log.lines).toEqual([
      "error Cannot write audit records",
      "info The audit file takes records again",
    ]);
  });
}

test("audit brings nothing down where nobody waits for a record that fails", async () => {
  const bench = createBench();
  const audit = await bench.open();
  const reservations = [audit.reserve()!, audit.reserve()!];
  const seen: unknown[] = [];
  const see = (reason: unknown): void => void seen.push(reason);
  process.on("unhandledRejection", see);
  bench.files.fault = { kept: 0 };
  for (const each of reservations) void each.write({ time: 0 });
  await settle();
  await bench.clock.advance(2_000);
  process.off("unhandledRejection", see);
  expect(seen).toEqual([]);
});

test("audit that may drop makes no call wait for a full disk", async () => {
  const bench = createBench({ onFull: "drop" });
  const audit = await bench.open();
  bench.files.fault = { kept: 0 };
  await write(audit, { id: "kept" });
  await write(audit, { id: "dropped" });
  bench.files.fault = undefined;
  await bench.clock.advance(1_000);
  await write(audit, { id: "next" });
  expect(bench.records().slice(1)).toMatchObject([{ id: "kept" }, { id: "next", dropped: 1 }]);
});

test("audit gives up waiting for an append that hangs, and goes on when it is done", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = "hang";
  const writing = write(audit, { id: "slow" });
  const refused = expect(writing).rejects.toThrow("no answer in 10000 ms");
  await settle();
  await bench.clock.advance(10_000);
  await refused;
  expect(audit.reserve()).toBeUndefined();
  bench.files.fault = undefined;
  bench.files.letGo();
  await settle();
  await write(audit, { id: "next" });
  expect(bench.records().slice(1)).toMatchObject([{ id: "slow" }, { id: "next" }]);
});

test("audit does not open on a disk that takes nothing", async () => {
  const bench = createBench();
  bench.files.fault = { kept: 0 };
  await expect(bench.open()).rejects.toThrow("Cannot append to");
  expect(bench.clock.timers()).toBe(0);
});

test("audit closes even where the disk never answers", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = "hang";
  const closing = audit.close();
  await settle();
  await bench.clock.advance(5_000);
  await closing;
  expect(bench.log.lines).toContain("error Audit records are lost");
});

test("audit writes at close what a full disk did not take before", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = { kept: 10 };
  await expect(write(audit)).rejects.toThrow("Cannot append");
  bench.files.fault = undefined;
  await audit.close();
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({ ok: true, records: 3 });
  expect(bench.clock.timers()).toBe(0);
});

test("strangers: the first is written at once, the rest as one record in ten seconds", async () => {
  const bench = createBench();
  const audit = await bench.open();
  for (let count = 0; count < 500; count++) await audit.refused(stranger);
  await audit.refused({ ...stranger, code: "TOKEN_MISSING" });
  expect(bench.records().slice(1)).toMatchObject([
    { id: "r1", address: "192.0.2.7", code: "TOKEN_INVALID", decision: "denied", status: 401 },
    { code: "TOKEN_MISSING" },
  ]);
  await bench.clock.advance(10_000);
  expect(bench.records()).toHaveLength(4);
  expect(bench.records()[3]).toMatchObject({
    time: "2026-03-01T12:00:10.000Z",
    address: "192.0.2.7",
    code: "TOKEN_INVALID",
    why: "No client has this token",
    count: 499,
  });
  expect(bench.records()[3]).not.toHaveProperty("id");
});

test("strangers that come again after a quiet time are first again, and no timer is left", async () => {
  const bench = createBench();
  const audit = await bench.open();
  await audit.refused(stranger);
  expect(bench.clock.timers()).toBe(1);
  await bench.clock.advance(10_000);
  expect(bench.clock.timers()).toBe(0);
  await audit.refused(stranger);
  expect(bench.records()).toHaveLength(3);
});

test("strangers from more than 1000 addresses are summed under *", async () => {
  const bench = createBench();
  const audit = await bench.open();
  for (let host = 0; host < 3_000; host++)
    await audit.refused({ ...stranger, address: `10.0.${host >> 8}.${host & 255}` });
  expect(bench.records()).toHaveLength(1 + 1_000 + 1);
  await bench.clock.advance(10_000);
  expect(bench.records()).toHaveLength(1 + 1_000 + 1 + 1);
  expect(bench.records().at(-1)).toMatchObject({ address: "*", count: 1_999 });
});

test("strangers are flushed at close", async () => {
  const bench = createBench();
  const audit = await bench.open();
  for (let count = 0; count < 3; count++) await audit.refused(stranger);
  await audit.close();
  expect(bench.records().slice(-2)).toMatchObject([{ count: 2 }, { kind: "stop" }]);
  expect(bench.clock.timers()).toBe(0);
});

test("strangers are only counted while the disk is full, and nothing is lost", async () => {
  const bench = createBench();
  const audit = await bench.open();
  bench.files.fault = { kept: 0 };
  await audit.refused({ ...stranger, address: "192.0.2.1" });
  for (let round = 0; round < 200; round++) {
    await audit.refused({ ...stranger, address: "192.0.2.2" });
    await audit.refused({ ...stranger, address: "192.0.2.3" });
    await bench.clock.advance(1_000);
  }
  bench.files.fault = undefined;
  await bench.clock.advance(10_000);
  expect(bench.records().slice(1)).toMatchObject([
    { address: "192.0.2.1" },
    { address: "192.0.2.2", count: 200 },
    { address: "192.0.2.3", count: 200 },
  ]);
});

test("strangers leave the room of good calls alone", async () => {
  const bench = createBench();
  const audit = await bench.open();
  for (let count = 0; count < 20_000; count++) void audit.refused(stranger);
  expect(audit.reserve()).toBeDefined();
});
