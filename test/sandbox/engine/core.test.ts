import { createHash, randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { hooks } from "../../../src/sandbox/face.ts";
import { captureEngine } from "../../../src/sandbox/engine/capture.ts";
import { createGuest, outOfTime } from "../../../src/sandbox/engine/guest.ts";
import { loadPlugin } from "../../../src/sandbox/engine/load.ts";
import { defaultLimits } from "../../../src/sandbox/engine/limits.ts";
import { ctx, toPlugin } from "./engine.ts";

const ports = {
  elapsed: () => performance.now(),
  sha256: (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex"),
  randomUUID: () => randomUUID(),
};
const engine = await captureEngine(ports);

test("a build of QuickJS that nobody looked at is refused", async () => {
  await expect(captureEngine({ sha256: () => "00" })).rejects.toThrow(/install version 0\.32\.0/);
});

const leavers = {
  variables: "kept.push(call, 'x'.repeat(5000)); return 1;",
  recursion: "(function f(n) { const a = [n, n]; f(n + 1); })(0);",
  buffers: "for (let i = 0; i < 50; i++) kept.push(new Uint8Array(1e5).fill(7)); return 1;",
  freed: "for (let i = 0; i < 50; i++) new Uint8Array(1e5).fill(7); return 1;",
  regexes: "kept.push('a'.repeat(2000).match(/(a|b)*?$/)); return 1;",
  loops: "for (;;) kept.push({});",
};

test.each(Object.entries(leavers))(
  "no byte of the memory is other than at the snapshot after a call that leaves %s",
  (_what, body) => {
    const guest = createGuest(engine, defaultLimits, ports);
    const code = toPlugin(`onToolCall(call) { ${body} }`, "const kept = [];");
    expect(loadPlugin(guest, code, defaultLimits, "null")).toHaveProperty("name");
    const snapshot = guest.core.snapshot();
    guest.core.restore(snapshot);
    // Memory that has grown stays so: behind what was there it holds nothing.
    const copy = () => {
      const bytes = new Uint8Array(guest.core.view().buffer);
      let end = bytes.length;
      while (bytes[end - 1] === 0) end--;
      return createHash("sha256").update(bytes.subarray(0, end)).digest("hex");
    };
    const before = copy();
    Object.assign(guest.clock, { spentMs: 0, passedMs: 0, allowedMs: 60, end: Infinity });
    try {
      const payload = JSON.stringify({ secret: "S3CRET" });
      guest.enter(() =>
        guest.callRaw(
          "begin",
          hooks.indexOf("onToolCall"),
          payload,
          false,
          1,
          1,
          JSON.stringify(ctx),
          -1,
        ),
      );
    } catch (error) {
      expect(error).toBe(outOfTime);
    }
    expect(copy()).not.toBe(before);
    guest.core.restore(snapshot);
    expect(copy()).toBe(before);
  },
);

test("a guest that starts from another's image says the same, with the same fuel", () => {
  const first = createGuest(engine, defaultLimits, ports);
  const image = { places: first.places, snapshot: first.core.snapshot() };
  first.core.restore(image.snapshot);
  const second = createGuest(engine, defaultLimits, ports, image);
  const ends = [first, second].map((guest) => [guest.call("extras"), guest.core.fuel()]);
  expect(ends[0]).toEqual([{ text: '{"logs":[],"asked":[]}' }, expect.any(Number)]);
  expect(ends[1]).toEqual(ends[0]);
});
