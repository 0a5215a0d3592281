import { describe, expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { type BlockFile, openBlocks } from "../../src/policy/index.ts";
import { createFakeClock, createFakeLog } from "../http/fakes.ts";
import { eventually } from "../stores/eventually.ts";
import { crypto } from "../stores/ports.ts";
import {
  ann,
  anyBlock,
  ids,
  openBlockStand,
  seals,
  settled,
  targets,
  tool,
  wish,
} from "./block-rig.ts";

describe("Blocks in a store", () => {
  test("A block is in force at once, on the other instance when the bus was heard", async () => {
    const { open } = openBlockStand();
    const [first, second] = [await open(), await open()];
    let heard = 0;
    second.onChange(() => heard++);
    const block = await first.add({ ...wish, target: "github/push" });
    expect(first.find(ann, tool("push"))).toEqual(block);
    await eventually(() => second.list().length === 1);
    expect(second.find(ann, tool("push"))).toEqual(block);
    expect(heard).toBe(1);
    expect(await second.remove(block.id)).toBe(true);
    expect(await second.remove(block.id)).toBe(false);
    await eventually(() => first.list().length === 0);
    expect(first.find(ann, tool("push"))).toBeUndefined();
    expect(heard).toBe(2);
  });

  test("What the bus did not bring is seen within 5 s", async () => {
    const { open, clock } = openBlockStand();
    const [first, deaf] = [await open(), await open({ hears: false })];
    await first.add({ ...wish, client: "a" });
    await settled();
    expect(deaf.list()).toEqual([]);
    clock.advance(5_000);
    await eventually(() => deaf.find(ann) !== undefined);
  });

  test("Of two instances that change the list at once neither loses its change", async () => {
    const { open, beforeWrite } = openBlockStand();
    const [first, second] = [await open(), await open({ hears: false })];
    const old = await first.add({ ...wish, target: "github/old" });
    beforeWrite(async () => {
      await second.add({ ...wish, target: "github/two" });
      await second.remove(old.id);
    });
    await first.add({ ...wish, target: "github/one" });
    await second.reread();
    expect(targets(first).toSorted()).toEqual(["github/one", "github/two"]);
    expect(targets(second)).toEqual(targets(first));
  });

  test("Forty changes at once are all kept", async () => {
    const { open } = openBlockStand();
    const all = await Promise.all(Array.from({ length: 8 }, () => open()));
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => all[i % 8]?.add({ ...wish, subject: `s${i}` })),
    );
    for (const each of all) {
      await each.reread();
      expect(each.list()).toHaveLength(40);
    }
  });

  test("A block outlives its process", async () => {
    const { open } = openBlockStand();
    const first = await open();
    await first.add({ ...wish, target: "github/*", client: "a", subject: "ann" });
    await first.close();
    expect((await open()).list()).toEqual(first.list());
  });

  test("A lost store changes nothing: what is known stays, changes are refused", async () => {
    const { open, lose, clock } = openBlockStand();
    for (const onLost of ["refuse", "local"] as const) {
      const blocks = await open({ onLost });
      const block = await blocks.add({ ...wish, target: `github/${onLost}` });
      lose(true);
      await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
      await expect(blocks.remove(block.id)).rejects.toThrow(StoreLost);
      clock.advance(5_000);
      await settled();
      expect(blocks.find(ann, tool(onLost))).toEqual(block);
      lose(false);
      await blocks.reread();
      expect(blocks.find(ann, tool(onLost))).toEqual(block);
      await blocks.close();
    }
  });

  test.each(["unreachable", "timeout", "refused", "setup"] as const)(
    "A store that is lost (%s) says so itself",
    async (reason) => {
      const { clock, logged, open, lose } = openBlockStand();
      await open();
      lose(true, reason);
      for (let round = 0; round < 3; round++) {
        clock.advance(5_000);
        await settled();
      }
      expect(logged).toEqual([]);
    },
  );

  test("A block of the others counts as soon as the store is back", async () => {
    const { open, lose } = openBlockStand();
    const [first, second] = [await open(), await open({ hears: false })];
    await first.add({ ...wish, target: "github/push" });
    lose(true);
    await second.reread();
    expect(second.list()).toEqual([]);
    lose(false);
    await second.reread();
    expect(targets(second)).toEqual(["github/push"]);
  });

  test("With the store's data lost each instance's blocks are kept again", async () => {
    const { open, empty } = openBlockStand();
    const first = await open({ hears: false });
    const second = await open({ hears: false });
    await first.add({ ...wish, target: "github/one" });
    await empty();
    // A change before anybody has noticed.
    await second.add({ ...wish, target: "github/two" });
    await first.reread();
    await second.reread();
    expect(targets(first).toSorted()).toEqual(["github/one", "github/two"]);
    expect(targets(second).toSorted()).toEqual(targets(first).toSorted());
    expect((await open()).list()).toHaveLength(2);
  });

  test("A restored backup brings nothing back that was taken back, and takes no block away", async () => {
    const { open, kept, put } = openBlockStand();
    const blocks = await open({ hears: false });
    const gone = await blocks.add({ ...wish, target: "github/gone" });
    const backup = await kept();
    await blocks.add({ ...wish, target: "github/new" });
    await blocks.remove(gone.id);
    await put(backup ?? "");
    await blocks.reread();
    expect(targets(blocks)).toEqual(["github/new"]);
    expect(targets(await open())).toEqual(["github/new"]);
  });

  test.each([
    ["text", "allow everything"],
    ["nothing", ""],
    ["a list in the clear", JSON.stringify({ blocks: [], removed: [] })],
  ])("%s that somebody wrote by hand is put right again, and said", async (_, text) => {
    const { open, put, logged } = openBlockStand();
    const blocks = await open();
    await blocks.add({ ...wish, target: "github/push" });
    await put(text);
    await blocks.reread();
    expect(targets(blocks)).toEqual(["github/push"]);
    expect(logged.join()).toContain("changed by hand");
    expect(targets(await open())).toEqual(["github/push"]);
  });

  test("A value that was sealed for something else is no list of blocks", async () => {
    const { open, put } = openBlockStand();
    await put(await seals("cursor").seal(JSON.stringify({ blocks: [], removed: [] })));
    await expect(open()).rejects.toThrow("Cannot read the blocks");
  });

  test("A process does not start on blocks that it cannot read", async () => {
    const { open, put } = openBlockStand();
    await put("garbage");
    await expect(open()).rejects.toThrow("changed by hand");
    const sealed = seals("blocks");
    for (const text of [
      "{}",
      '{"blocks":[],"removed":[1]}',
      '{"blocks":[{"id":"x"}],"removed":[]}',
      JSON.stringify({ blocks: [{ ...anyBlock(), target: 1 }], removed: [] }),
      JSON.stringify({ blocks: [{ ...anyBlock(), until: "soon" }], removed: [] }),
      JSON.stringify({ blocks: [anyBlock(), anyBlock()], removed: [] }),
    ]) {
      await put(await sealed.seal(text));
      await expect(open()).rejects.toThrow("Cannot read the blocks");
    }
    await put(await sealed.seal(JSON.stringify({ blocks: [anyBlock()], removed: [] })));
    expect(ids(await open())).toEqual(["0a1b2c"]);
  });

  test("A process that starts without the store blocks everything until it has read", async () => {
    const { open, lose } = openBlockStand();
    lose(true);
    const blocks = await open();
    expect(blocks.find(ann)?.why).toContain("could not be read");
    expect(blocks.find(ann, tool("push"))).toBeDefined();
    await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
    let heard = 0;
    blocks.onChange(() => heard++);
    lose(false);
    await blocks.reread();
    expect(blocks.find(ann)).toBeUndefined();
    expect(heard).toBe(1);
  });

  test("With onLost local it goes on, and takes no local answer for an empty list", async () => {
    const { open, lose } = openBlockStand();
    await (await open()).add({ ...wish, target: "github/push" });
    lose(true);
    const blocks = await open({ onLost: "local" });
    expect(blocks.find(ann)).toBeUndefined();
    await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
    await expect(blocks.remove("none")).rejects.toThrow(StoreLost);
    await blocks.reread();
    lose(false);
    await blocks.reread();
    expect(targets(blocks)).toEqual(["github/push"]);
  });

  test("A store that comes back with what nobody can read closes who knows no blocks", async () => {
    const { open, lose, put, kept, logged } = openBlockStand();
    for (const onLost of ["refuse", "local"] as const) {
      lose(true);
      const blocks = await open({ onLost });
      await put("garbage");
      lose(false);
      await blocks.reread();
      expect(blocks.find(ann)).toBeDefined();
      expect(await kept()).toBe("garbage");
      expect(logged.join()).toContain("Cannot read the blocks");
      await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
      await blocks.close();
    }
  });

  test("A block ends at its time, and whoever listens hears of it", async () => {
    const { open, clock } = openBlockStand();
    const blocks = await open();
    const until = clock.clock.now() + 90_000;
    const block = await blocks.add({ ...wish, until });
    let heard = 0;
    blocks.onChange(() => heard++);
    clock.advance(60_000);
    clock.advance(29_999);
    expect([blocks.find(ann), blocks.list()]).toEqual([block, [block]]);
    expect(heard).toBe(0);
    clock.advance(1);
    expect([blocks.find(ann), blocks.list()]).toEqual([undefined, []]);
    expect(heard).toBe(1);
    expect(await blocks.remove(block.id)).toBe(false);
  });

  test("An instance whose clock is ahead ends no block of the others", async () => {
    const { open, clock } = openBlockStand();
    const ahead = await open({ aheadMs: 600_000 });
    const other = await open();
    await other.add({ ...wish, target: "github/push", until: clock.clock.now() + 300_000 });
    await ahead.reread();
    expect(ahead.list()).toEqual([]);
    await ahead.add({ ...wish, target: "github/pull" });
    await other.reread();
    expect(targets(other)).toEqual(["github/push", "github/pull"]);
    expect(targets(await open())).toEqual(["github/push", "github/pull"]);
  });

  test("A block ends by the store's time, whichever instance's clock differs from that", async () => {
    const { open, clock } = openBlockStand();
    const { now } = clock.clock;
    const all = [await open({ now }), await open({ now, aheadMs: 600_000 })] as const;
    const ends = [now() + 1_000, now() + 601_000];
    for (const [index, blocks] of all.entries()) {
      await blocks.add({ ...wish, target: `github/${index}`, until: ends[index] ?? 0 });
    }
    const both = ["github/0", "github/1"];
    await Promise.all(all.map((blocks) => blocks.reread()));
    expect(all.map((blocks) => targets(blocks))).toEqual([both, both]);
    clock.advance(1_000);
    expect(all.map((blocks) => targets(blocks))).toEqual([[], []]);
  });

  test("A block that ended long ago is kept no more after the next change", async () => {
    const { open, clock, kept } = openBlockStand();
    const blocks = await open();
    await blocks.add({ ...wish, target: "github/push", until: clock.clock.now() + 1_000 });
    clock.advance(20 * 60_000);
    await blocks.add({ ...wish, target: "github/pull" });
    const text = (await seals("blocks").open((await kept()) ?? "")) ?? "";
    expect(text).not.toContain("github/push");
    expect(text).toContain("github/pull");
  });

  test("A closed list listens no more and leaves no timer", async () => {
    const { open, clock } = openBlockStand();
    const before = clock.timers();
    const [first, second] = [await open(), await open()];
    await second.add({ ...wish, until: clock.clock.now() + 1_000 });
    await first.close();
    await second.close();
    // The store's own sweep.
    expect(clock.timers()).toBe(before + 1);
    await expect(first.add(wish)).rejects.toThrow(StoreLost);
  });

  test("A listener that fails keeps no other from hearing", async () => {
    const { open, logged } = openBlockStand();
    const blocks = await open();
    let heard = 0;
    blocks.onChange(() => {
      throw new Error("broken");
    });
    const stop = blocks.onChange(() => heard++);
    await blocks.add(wish);
    expect(heard).toBe(1);
    expect(logged.join()).toContain("broken");
    stop();
    await blocks.add(wish);
    expect(heard).toBe(1);
  });
});

describe("Blocks in a file", () => {
  function openFolder(first?: string) {
    const clock = createFakeClock();
    const logged: string[] = [];
    const file = { text: first, isBroken: false };
    const check = (): void => {
      if (file.isBroken) throw new Error("EACCES");
    };
    const keep = {
      read: async () => (check(), file.text),
      write: async (text: string) => {
        check();
        file.text = text;
      },
    };
    const ports = { clock: clock.clock, log: createFakeLog(logged), crypto };
    return { clock, file, logged, open: () => openBlocks({ ports, keep }) };
  }

  test("Another process of the folder hears of a change within half a second", async () => {
    const { clock, open } = openFolder();
    const [first, second] = [await open(), await open()];
    const block = await first.add({ ...wish, target: "github/push" });
    clock.advance(500);
    await settled();
    expect(second.find(ann, tool("push"))).toEqual(block);
    await second.remove(block.id);
    clock.advance(500);
    await settled();
    expect(first.list()).toEqual([]);
  });

  test("A change that another process wrote over comes back", async () => {
    const { clock, file, open } = openFolder();
    const [first, second] = [await open(), await open()];
    const before = file.text;
    await first.add({ ...wish, target: "github/one" });
    file.text = before;
    await second.add({ ...wish, target: "github/two" });
    for (let round = 0; round < 3; round++) {
      clock.advance(500);
      await settled();
    }
    expect(targets(first).toSorted()).toEqual(["github/one", "github/two"]);
    expect(targets(second).toSorted()).toEqual(["github/one", "github/two"]);
  });

  test("A start writes nothing, a block outlives the process", async () => {
    const { file, open } = openFolder();
    const first = await open();
    expect(file.text).toBeUndefined();
    await first.add(wish);
    await first.close();
    expect((await open()).list()).toHaveLength(1);
  });

  test.each(["", "{", "[]", '{"blocks":{}}', '{"blocks":[{}],"removed":[]}'])(
    "A process does not start on the damaged file %j",
    async (text) => {
      await expect(openFolder(text).open()).rejects.toThrow("Cannot read the blocks");
    },
  );

  test("A process does not start on a file that it may not read", async () => {
    const { file, open } = openFolder();
    file.isBroken = true;
    await expect(open()).rejects.toThrow("EACCES");
  });

  test("A file that is deleted or damaged later is written again", async () => {
    const { clock, file, open, logged } = openFolder();
    const blocks = await open();
    await blocks.add({ ...wish, target: "github/push" });
    const good = file.text;
    for (const text of [undefined, "{"]) {
      file.text = text;
      clock.advance(500);
      await settled();
      expect(file.text).toBe(good);
      expect(targets(blocks)).toEqual(["github/push"]);
    }
    expect(logged.join()).toContain("changed by hand");
  });

  test("A file that cannot be used refuses changes, and that is said once", async () => {
    const { clock, file, open, logged } = openFolder();
    const blocks = await open();
    await blocks.add({ ...wish, target: "github/push" });
    file.isBroken = true;
    await expect(blocks.add(wish)).rejects.toThrow(StoreLost);
    for (let round = 0; round < 3; round++) {
      clock.advance(500);
      await settled();
    }
    expect(targets(blocks)).toEqual(["github/push"]);
    expect(logged.filter((line) => line.includes("EACCES"))).toHaveLength(1);
  });
});

describe("What a block may be", () => {
  const open = (keep?: BlockFile) => {
    const ports = { clock: createFakeClock().clock, log: createFakeLog([]), crypto };
    return openBlocks({ ports, ...(keep && { keep }) });
  };

  test.each([
    [{ target: "github" }, "The target must be"],
    [{ target: "github/" }, "The target must be"],
    [{ target: "/push" }, "The target must be"],
    [{ target: "" }, "The target must be"],
    [{ target: `github/${"x".repeat(1_024)}` }, "at most 1024"],
    [{ client: "" }, "must not be empty"],
    [{ subject: "x".repeat(1_025) }, "at most 1024"],
    [{ by: "" }, "must not be empty"],
    [{ why: "  " }, "must say why"],
    [{ why: "x".repeat(501) }, "at most 500"],
    [{ until: 1_000 }, "in the time to come"],
    [{ until: Number.NaN }, "whole milliseconds"],
    [{ until: 1e300 }, "whole milliseconds"],
  ])("%j is refused", async (more, fault) => {
    const blocks = await open();
    await expect(blocks.add({ ...wish, ...more })).rejects.toThrow(fault);
    expect(blocks.list()).toEqual([]);
  });

  test("More than 1,000 are refused, and one that is taken back makes room", async () => {
    const many = Array.from({ length: 999 }, (_, i) => anyBlock({ id: `i${i}`, subject: `s${i}` }));
    const text = JSON.stringify({ blocks: many, removed: [] });
    const blocks = await open({ read: async () => text, write: async () => undefined });
    await blocks.add(wish);
    await expect(blocks.add(wish)).rejects.toThrow(RangeError);
    await blocks.remove("i0");
    await blocks.add(wish);
    expect(blocks.list()).toHaveLength(1_000);
  });

  test("Long ones are refused before the store could not hold them", async () => {
    const { open: openShared } = openBlockStand();
    const blocks = await openShared();
    const long = { ...wish, why: "\u{20ac}".repeat(500), subject: "\u{20ac}".repeat(1_024) };
    const fill = async (): Promise<void> => {
      for (;;) await blocks.add(long);
    };
    await expect(fill()).rejects.toThrow(RangeError);
    const count = blocks.list().length;
    expect(count).toBeGreaterThan(50);
    await blocks.remove(ids(blocks)[0] ?? "");
    expect(ids(await openShared())).toHaveLength(count - 1);
  });
});
