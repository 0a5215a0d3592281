import { expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { createBench, crypto, path, toJson, toLines, write } from "./fakes.ts";

const stranger = {
  time: 0,
  address: "192.0.2.7",
  stage: "authenticate",
  code: "TOKEN_INVALID",
  why: "No client has this token",
  status: 401,
} as const;

test("audit under two configs writes one chain, each record with its own config's digest", async () => {
  const bench = createBench();
  const file = await bench.openFile();
  const [first, second] = [file.under(bench.view()), file.under(bench.view({ config: "2nd" }))];
  const late = first.reserve()!;
  await write(second, { id: "b" });
  await late.write({ time: 0, id: "a" });
  await file.close();
  expect(bench.records()).toMatchObject([
    { kind: "start", config: "c0ffee" },
    { id: "b", config: "2nd" },
    { id: "a", config: "c0ffee" },
    { kind: "stop", config: "2nd" },
  ]);
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({ ok: true, records: 4 });
});

test("audit records by each config's own settings, with digests that can be compared", async () => {
  const bench = createBench();
  const file = await bench.openFile();
  const quiet = { arguments: false, results: true, onFull: "refuse" } as const;
  const args = toJson({ city: "Oslo" });
  await write(file.under(bench.view()), { args, result: args });
  await write(file.under(bench.view({ settings: quiet })), { args, result: args });
  const [, one, two] = bench.records() as [object, { args: object }, { args: object }];
  expect(one).toMatchObject({ args: { value: { city: "Oslo" } } });
  expect(one).not.toHaveProperty("result");
  expect(two.args).not.toHaveProperty("value");
  expect(two).toMatchObject({ result: { value: { city: "Oslo" } } });
  expect(two.args).toMatchObject({ digest: (one.args as { digest: string }).digest });
});

test("audit cleans by the config that a call was decided by", async () => {
  const bench = createBench();
  const file = await bench.openFile();
  const old = file.under(bench.view());
  file.under(bench.view({ clean: (json) => ({ json }) })).reserve();
  await write(old, { args: toJson({ key: `sk-${"a1".repeat(20)}` }) });
  expect(bench.text()).toContain("[redacted]");
  expect(bench.text()).not.toContain("sk-");
});

test("audit has one room for all configs, and each one's own onFull", async () => {
  const bench = createBench();
  const file = await bench.openFile();
  const drop = { arguments: true, results: false, onFull: "drop" } as const;
  const [refusing, dropping] = [
    file.under(bench.view()),
    file.under(bench.view({ settings: drop })),
  ];
  const held = Array.from({ length: 10_000 }, (_, at) =>
    (at % 2 === 0 ? refusing : dropping).reserve(),
  );
  expect(refusing.reserve()).toBeUndefined();
  await dropping.reserve()!.write({ time: 0, id: "lost" });
  expect(refusing.reserve()).toBeUndefined();
  await held[0]!.write({ time: 0, id: "next" });
  expect(bench.records()[1]).toMatchObject({ id: "next", dropped: 1 });
  bench.files.fault = { kept: 0 };
  await expect(held[2]!.write({ time: 0 })).rejects.toThrow("Cannot append");
  await expect(held[1]!.write({ time: 0 })).resolves.toBeUndefined();
});

test("strangers of two configs are summed in one place, by the newest config in use", async () => {
  const bench = createBench();
  const file = await bench.openFile();
  const [first, second] = [file.under(bench.view()), file.under(bench.view({ config: "2nd" }))];
  file.under(bench.view({ config: "refused reload" }));
  await first.refused(stranger);
  await second.refused(stranger);
  await first.refused(stranger);
  await bench.clock.advance(10_000);
  await file.close();
  expect(bench.records().slice(1)).toMatchObject([
    { code: "TOKEN_INVALID", config: "c0ffee" },
    { count: 2, config: "2nd" },
    { kind: "stop", config: "2nd" },
  ]);
});

test("strangers at the admin door are summed apart, as what they are", async () => {
  const bench = createBench();
  const audit = await bench.open();
  for (let count = 0; count < 3; count++) {
    await audit.refused(stranger);
    await audit.refused({ ...stranger, kind: "admin" });
  }
  await bench.clock.advance(10_000);
  expect(bench.records().slice(1)).toMatchObject([
    { kind: "exchange", code: "TOKEN_INVALID" },
    { kind: "admin", code: "TOKEN_INVALID" },
    { kind: "exchange", count: 2 },
    { kind: "admin", count: 2 },
  ]);
});

test("record of an operator has the contract's fields, and the person in the personal part", async () => {
  const bench = createBench();
  await write(await bench.open(), {
    kind: "admin",
    id: "r1",
    subject: "ann",
    address: "127.0.0.1",
    method: "blocks.add",
    target: "github/*",
    why: "Incident 42",
    status: 201,
    ms: 3,
  });
  const record = bench.records()[1]!;
  expect(Object.keys(record).join(" ")).toBe(
    "v seq kind time id instance config subject address method target decision why status ms salt personal prev hash",
  );
  expect(record).toMatchObject({ kind: "admin", subject: "ann", method: "blocks.add" });
  const blanked = bench
    .lines()[1]!
    .replace('"subject":"ann","address":"127.0.0.1",', "")
    .replace(/"salt":"[0-9a-f]{32}",/, "");
  bench.files.texts.set(path, `${bench.lines()[0]!}\n${blanked}\n`);
  expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({
    ok: true,
    forgotten: 1,
  });
});

test("record of a reload has no person and no salt", async () => {
  const bench = createBench();
  await write(await bench.open(), { kind: "config", method: "reload", decision: "denied" });
  expect(Object.keys(bench.records()[1]!).join(" ")).toBe(
    "v seq kind time instance config method decision prev hash",
  );
});
