import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createKeyring } from "../../src/core/index.ts";
import { createAssembly } from "../../src/sessions/assembly.ts";
import { openSealedBus } from "../../src/sessions/sealed-bus.ts";
import { createMemoryBus } from "../../src/stores/memory-bus.ts";
import { crypto } from "../stores/ports.ts";
import { settle } from "./hand-timers.ts";

const key = (fill: number) => createKeyring([new Uint8Array(32).fill(fill)], crypto.randomBytes);
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined };

async function openTwo(fills: readonly [number, number] = [1, 1], label = "session-events") {
  const errors: string[] = [];
  const ownLog = { ...log, error: (message: string) => errors.push(message) };
  const bus = createMemoryBus({ log: ownLog });
  const onBus: string[] = [];
  await bus.subscribe("c", (text) => onBus.push(text));
  const heard: string[] = [];
  const [one, two] = [key(fills[0]).seals(label), key(fills[1]).seals("session-events")];
  const tell = await openSealedBus({ bus, sealer: one, crypto, log: ownLog }, "c", () => undefined);
  await openSealedBus({ bus, sealer: two, crypto, log: ownLog }, "c", (text) => heard.push(text));
  return { bus, onBus, heard, tell, errors };
}
const arrived = (heard: readonly string[], count: number) =>
  expect.poll(() => heard.length).toBe(count);

describe("What instances tell each other", () => {
  test("comes whole and in order, however long, and is read by nobody else", async () => {
    const { tell, heard, onBus } = await openTwo();
    const texts = ["a short text", `${"€😀".repeat(200_000)} long`, "the last text"];
    for (const text of texts) await tell(text);
    await arrived(heard, 3);
    expect(heard).toEqual(texts);
    expect(onBus.length).toBeGreaterThan(4);
    expect(onBus.every((each) => each.length < 524_288)).toBe(true);
    expect(onBus.join("")).not.toMatch(/a short text|€|the last text/);
  });

  test("is heard neither unsealed, nor with another key, nor with another label", async () => {
    const foreign = await openTwo([1, 2]);
    const labelled = await openTwo([1, 1], "relay");
    for (const { tell, heard, bus, errors } of [foreign, labelled]) {
      await tell("forged");
      for (const text of ["forged", "", "{}", '["a",0,1]\nforged']) await bus.publish("c", text);
      await settle();
      expect([heard, errors]).toEqual([[], []]);
    }
  });

  test("ends for nobody at what the bus does not take", async () => {
    const { bus, tell, heard } = await openTwo();
    const refusing = { ...bus, publish: () => Promise.reject(new Error("lost")) };
    const sealer = key(1).seals("session-events");
    const lost = await openSealedBus({ bus: refusing, sealer, crypto }, "c", () => undefined);
    await expect(lost("gone")).rejects.toThrow("lost");
    await tell("here");
    await arrived(heard, 1);
  });
});

describe("Parts", () => {
  const partsOf = (id: string, pieces: readonly string[]) =>
    pieces.map((piece, at) => `${JSON.stringify([id, at, pieces.length])}\n${piece}`);

  test("of several texts at once make each of them once, in any mixture", () => {
    const texts = fc.array(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(texts, fc.infiniteStream(fc.nat()), (all, picks) => {
        const assemble = createAssembly();
        const waiting = all.map((pieces, index) => partsOf(`t${index}`, pieces));
        const whole: string[] = [];
        while (waiting.some((parts) => parts.length > 0)) {
          const open = waiting.filter((parts) => parts.length > 0);
          const part = open[picks.next().value % open.length]?.shift() ?? "";
          const text = assemble(part);
          if (text !== undefined) whole.push(text);
        }
        expect(whole.toSorted()).toEqual(all.map((pieces) => pieces.join("")).toSorted());
      }),
    );
  });

  test("that come twice, or without those before them, make nothing of their own", () => {
    const assemble = createAssembly();
    const [first = "", second = "", third = ""] = partsOf("a", ["1", "2", "3"]);
    const made = [second, first, first, third, second, second, third, third].map(assemble);
    expect(made.filter((text) => text !== undefined)).toEqual(["123"]);
  });

  test("of texts that never end are given up, the oldest first", () => {
    const assemble = createAssembly();
    const begun = Array.from({ length: 17 }, (_, index) => partsOf(`t${index}`, ["a", "b"]));
    for (const [first = ""] of begun) expect(assemble(first)).toBeUndefined();
    expect(begun.map(([, last = ""]) => assemble(last))).toEqual([
      undefined,
      ...Array.from({ length: 16 }, () => "ab"),
    ]);
  });
});
