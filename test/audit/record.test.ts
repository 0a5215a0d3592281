import * as fc from "fast-check";
import { expect, test } from "vitest";
import { verifyAudit } from "../../src/audit/index.ts";
import { createBench, crypto, toJson, toLines, write } from "./fakes.ts";

test("record has the contract's fields in the contract's order", async () => {
  const bench = createBench({ results: true });
  const audit = await bench.open();
  await write(audit, {
    bytesOut: 9,
    bytesIn: 8,
    upstreamMs: 1.23456,
    ms: 2,
    status: 200,
    redactions: [{ kind: "github", where: "/content/0/text", count: 2 }],
    plugins: [
      {
        name: "guard",
        version: "1.0.0",
        sha256: "ab".repeat(32),
        hook: "onText",
        stage: "consult",
        verdict: "redact",
        mode: "shadow",
        why: `saw sk-${"a".repeat(24)}`,
        ms: 1.23456,
        count: 2,
      },
    ],
    rules: [{ name: "small", then: "deny", mode: "enforce" }],
    why: "no",
    code: "RULE_DENIED",
    stage: "judge",
    decision: "denied",
    result: toJson({ ok: true }),
    args: toJson({ city: "Oslo" }),
    target: "forecast",
    upstream: "weather",
    method: "tools/call",
    session: "s1",
    eras: { client: "modern", upstream: "legacy" },
    transport: "http",
    address: "192.0.2.7",
    subject: "ann",
    roles: ["everyone"],
    client: "web-app",
    traceId: "0af7",
    id: "r1",
    time: Date.parse("2026-03-01T12:00:00.250Z"),
  });
  const record = bench.records()[1]!;
  expect(Object.keys(record).join(" ")).toBe(
    "v seq kind time id traceId instance config client roles subject address transport eras session method upstream target args result decision stage code why rules plugins redactions status ms upstreamMs bytesIn bytesOut salt personal prev hash",
  );
  expect(record).toMatchObject({
    v: 1,
    seq: 2,
    kind: "exchange",
    time: "2026-03-01T12:00:00.250Z",
    instance: "one",
    config: "c0ffee",
    subject: "ann",
    address: "192.0.2.7",
    args: { bytes: 15, value: { city: "Oslo" } },
    result: { bytes: 11, value: { ok: true } },
    upstreamMs: 1.235,
    plugins: [
      {
        name: "guard",
        version: "1.0.0",
        sha256: "abababababababab",
        hook: "onText",
        stage: "consult",
        verdict: "redact",
        mode: "shadow",
        why: "saw [redacted]",
        ms: 1.235,
        count: 2,
      },
    ],
  });
});

test("record leaves absent fields out, a start and a stop frame the file", async () => {
  const bench = createBench();
  const audit = await bench.open();
  await write(audit);
  await audit.close();
  expect(bench.records().map((record) => record["kind"])).toEqual(["start", "exchange", "stop"]);
  expect(Object.keys(bench.records()[1]!)).toEqual(
    "v seq kind time instance config decision prev hash".split(" "),
  );
});

test("record's hash is the SHA-256 of its text without hash, prev the one before", async () => {
  const bench = createBench();
  await write(await bench.open());
  const [first, second] = bench.lines();
  expect(first).toContain(`"prev":"${"0".repeat(64)}"`);
  const { hash } = JSON.parse(first!) as { hash: string };
  expect(crypto.sha256(first!.replace(/,"hash":"[^"]*"/, ""))).toBe(hash);
  expect((JSON.parse(second!) as { prev: string }).prev).toBe(hash);
});

test("record keeps the digest but not the value where arguments are off", async () => {
  const bench = createBench({ arguments: false });
  await write(await bench.open(), { args: toJson({ city: "Oslo" }), result: toJson({ a: 1 }) });
  const record = bench.records()[1]!;
  expect(record["args"]).toEqual({
    digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    bytes: 15,
  });
  expect(record).not.toHaveProperty("result");
  expect(bench.text()).not.toContain("Oslo");
});

test("record's digest is keyed: equal for equal bytes of one run, unknown to another", async () => {
  const bench = createBench();
  const audit = await bench.open();
  await write(audit, { args: toJson('{"a":1}') });
  await write(audit, { args: toJson('{"a":1}') });
  await write(audit, { args: toJson('{"a": 1}') });
  await audit.close();
  await write(await bench.open(), { args: toJson('{"a":1}') });
  const digests = bench
    .records()
    .flatMap((record) => (record["args"] as { digest: string } | undefined)?.digest ?? []);
  expect(digests[1]).toBe(digests[0]);
  expect(new Set(digests).size).toBe(3);
  expect(digests).not.toContain(crypto.sha256('{"a":1}'));
});

test("record holds no secret, wherever in the call it stood", async () => {
  const bench = createBench({ results: true });
  const secret = "sk-abcdefghij0123456789";
  await write(await bench.open(), {
    args: toJson({ deep: [{ key: `use ${secret} now` }] }),
    result: toJson({ text: secret }),
    method: `tools/${secret}`,
    target: `https://h/?key=${secret}`,
    why: `Unknown tool "${secret}"`,
    subject: `${secret}@example.com`,
    redactions: [{ kind: "x", where: `/${secret}`, count: 1 }],
  });
  expect(bench.text()).not.toContain(secret);
  expect(bench.text()).toContain("use [redacted] now");
});

test("record hides a secret that lies across the cut of a long text", async () => {
  const bench = createBench();
  const secret = `sk-${"a1".repeat(40)}`;
  await write(await bench.open(), { target: "x".repeat(1_000) + secret });
  expect(bench.text()).not.toContain(secret.slice(0, 20));
});

test("record is written without its value where cleaning throws", async () => {
  const bench = createBench();
  const audit = await bench.open({
    clean: () => {
      throw new Error("bug");
    },
  });
  await write(audit, { args: toJson({ a: "private" }), target: "a-name-of-some-length" });
  expect(bench.text()).not.toContain("private");
  expect(bench.records()[1]).toMatchObject({ target: "[withheld]", args: { bytes: 15 } });
  expect(bench.log.lines).toContain("error Cannot clean a value for the audit record");
});

test("record's value is cut at 8 KiB and stays JSON", async () => {
  const bench = createBench();
  await write(await bench.open(), { args: toJson({ text: 'é"'.repeat(20_000) }) });
  const { args } = bench.records()[1] as {
    args: { bytes: number; value: { cut: boolean; text: string } };
  };
  expect(args.bytes).toBe(Buffer.byteLength(JSON.stringify({ text: 'é"'.repeat(20_000) })));
  expect(args.value.cut).toBe(true);
  expect(Buffer.byteLength(args.value.text)).toBeGreaterThan(8_180);
  expect(Buffer.byteLength(args.value.text)).toBeLessThanOrEqual(8_192);
});

test("record keeps big integers and number spelling of the arguments", async () => {
  const bench = createBench();
  await write(await bench.open(), { args: toJson('{"n":12345678901234567890,"e":1.0e2}') });
  expect(bench.text()).toContain('"value":{"n":12345678901234567890,"e":1.0e2}');
});

test("record is one line of harmless characters, whatever it is told", async () => {
  const text = fc.string({ unit: "binary" });
  await fc.assert(
    fc.asyncProperty(text, text, text, async (target, why, value) => {
      const bench = createBench();
      const evil = `\u001b[2J\u009b1m\u2028\u2029\u007f\u202e\r\n{"v":1}\ud800`;
      await write(await bench.open(), {
        target: target + evil,
        why: evil + why,
        subject: evil,
        client: evil,
        args: toJson(`{\r\n\t"a": ${JSON.stringify(value)}, "b": "\u2028\u009b\ud800"\n}`),
      });
      expect(bench.lines()).toHaveLength(2);
      // eslint-disable-next-line no-control-regex
      expect(bench.text()).not.toMatch(/[\0-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/);
      expect(bench.text().isWellFormed()).toBe(true);
      expect(bench.records()[1]).toMatchObject({ client: evil, args: { value: { a: value } } });
      expect(await verifyAudit(toLines(bench.text()), crypto)).toMatchObject({ ok: true });
    }),
    { numRuns: 100 },
  );
});

test("record has a bounded size, however long its texts and lists are", async () => {
  const bench = createBench({ results: true });
  const long = "é\u2028".repeat(100_000);
  await write(await bench.open(), {
    target: long,
    why: long,
    method: long,
    subject: long,
    args: toJson({ long }),
    result: toJson({ long }),
    redactions: Array.from({ length: 10_000 }, () => ({ kind: "k", where: "/a", count: 1 })),
  });
  expect(bench.lines()[1]!.length).toBeLessThan(100_000);
});
