/** What every bus must do; each implementation runs it. */
import { expect, test } from "vitest";
import type { Bus } from "../../src/core/index.ts";
import { eventually } from "./eventually.ts";

export interface BusUnderTest {
  /** Of two instances, or twice the same where there is one. */
  readonly buses: readonly [Bus, Bus];
  readonly close: () => Promise<void>;
}

export function busSuite(name: string, open: () => Promise<BusUnderTest>): void {
  const check = (title: string, act: (one: Bus, other: Bus) => Promise<void>): void =>
    test(`${name} ${title}`, async () => {
      const { buses, close } = await open();
      try {
        await act(...buses);
      } finally {
        await close();
      }
    });

  check("brings a text to each listener once, the sender's own included", async (one, other) => {
    const heard: string[] = [];
    await one.subscribe("c", (text) => heard.push(`a ${text}`));
    await one.subscribe("c", (text) => heard.push(`b ${text}`));
    await other.subscribe("c", (text) => heard.push(`c ${text}`));
    await one.publish("c", "first");
    await one.publish("c", "second");
    await eventually(() => heard.length >= 6);
    const firsts = heard.filter((each) => each.endsWith("first"));
    expect([...firsts].sort()).toEqual(["a first", "b first", "c first"]);
    expect(heard).toHaveLength(6);
    expect(heard.indexOf("a first")).toBeLessThan(heard.indexOf("a second"));
  });

  check("keeps channels apart", async (one, other) => {
    const heard: string[] = [];
    await one.subscribe("c", (text) => heard.push(text));
    await one.subscribe("", (text) => heard.push(`none ${text}`));
    await other.publish("cc", "x");
    await other.publish("*", "y");
    await other.publish("c", "z");
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(["z"]);
  });

  check("no longer brings anything where the listening ended", async (one, other) => {
    const heard: string[] = [];
    const end = await one.subscribe("c", () => heard.push("ended"));
    await one.subscribe("c", () => heard.push("stays"));
    end();
    end();
    await other.publish("c", "x");
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(["stays"]);
  });

  check("listens again where it did before", async (one, other) => {
    const heard: string[] = [];
    const end = await one.subscribe("c", () => heard.push("ended"));
    end();
    await one.subscribe("c", () => heard.push("again"));
    await other.publish("c", "x");
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(["again"]);
  });

  check("goes on where a listener throws", async (one, other) => {
    const heard: string[] = [];
    await one.subscribe("c", () => {
      throw new Error("no");
    });
    await one.subscribe("c", (text) => heard.push(text));
    await other.publish("c", "x");
    await eventually(() => heard.length > 0);
    expect(heard).toEqual(["x"]);
  });

  check("takes a text of one MiB, and none that is larger", async (one, other) => {
    const lengths: number[] = [];
    await one.subscribe("c", (text) => lengths.push(text.length));
    const mebibyte = "x".repeat(1024 * 1024);
    await expect(other.publish("c", `${mebibyte}x`)).rejects.toThrow(RangeError);
    await other.publish("c", mebibyte);
    await eventually(() => lengths.length > 0);
    expect(lengths).toEqual([mebibyte.length]);
  });
}
