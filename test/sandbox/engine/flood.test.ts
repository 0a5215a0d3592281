/** What a guest hands out costs the host as little as it costs the guest. */
import { expect, test } from "vitest";
import { open, noHost, toCall, toPlugin } from "./engine.ts";

const limits = { cpuMs: 1000, loadMs: 2000 };
const onText = toCall({ hook: "onText", value: "abc" });

test("what a guest asks of the host with too many characters is refused inside of it", async () => {
  const told: number[] = [];
  const plugin = await open(
    toPlugin(
      "async onToolCall(_, { kv }) { await kv.set('k', 'x'.repeat(1 << 21)); return allow(); }",
    ),
    { limits },
  );
  const end = await plugin.call(toCall(), async (_, args) => {
    told.push(args.length);
    return { value: "null" };
  });
  expect(end.outcome).toMatchObject({ action: "failed", code: "threw" });
  expect(told).toEqual([]);
});

test("a guest that forges notes of many megabytes has none of them read", async () => {
  const forged = `const large = new Array(10).fill("x".repeat(1 << 20));
    Object.prototype.toJSON = () => { delete Object.prototype.toJSON; return large; };`;
  const plugin = await open(
    toPlugin(`onToolCall(_, { log }) { ${forged} log.info("a"); return allow(); }`),
    { limits: { ...limits, memoryMb: 64 } },
  );
  const end = await plugin.call({ ...toCall(), bytes: 0 }, noHost);
  expect(end.outcome).toMatchObject({ action: "failed", code: "output_too_large" });
});

test("a redact with more spans than anybody has to hide is no verdict", async () => {
  const spans = (count: number) => `return redact(new Array(${count}).fill([0, 0, "x"]));`;
  const saying = async (count: number) => {
    const plugin = await open(toPlugin(`onText() { ${spans(count)} }`), { limits });
    return (await plugin.call(onText, noHost)).outcome;
  };
  expect(await saying(20_000)).toMatchObject({ action: "redact" });
  expect(await saying(20_001)).toMatchObject({ action: "failed", code: "bad_verdict" });
});
