import { expect, test } from "vitest";
import { meter } from "../../../src/sandbox/engine/wasm/meter.ts";
import { WebAssembly, type WasmGlobal } from "../../../src/sandbox/engine/wasm/web-assembly.ts";

const settings = {
  tick: "i",
  initialFuel: 100,
  fuelName: "fuel",
  stackName: "stack",
  depthName: "depth",
};
const section = (id: number, ...body: readonly number[]) => [id, body.length, ...body];
const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const i32 = 0x7f;

/** One exported function `f` with this code; global 0 is the stack pointer. */
function toWasm(
  code: readonly number[],
  globals: readonly number[] = [1, i32, 1, 0x41, 0x10, 0x0b],
) {
  return Uint8Array.from([
    ...preamble,
    ...section(1, 3, 0x60, 0, 0, 0x60, 3, i32, i32, i32, 0, 0x60, 1, i32, 1, i32),
    ...section(2, 1, 1, 0x61, 1, 0x69, 0, 2),
    ...section(3, 1, 0),
    ...section(5, 1, 0, 64),
    ...section(6, ...globals),
    ...section(7, 1, 1, 0x66, 0, 1),
    ...section(10, 1, code.length + 1, 0, ...code),
  ]);
}

async function run(code: readonly number[], ticksToLive: number) {
  let ticks = 0;
  const module = await WebAssembly.compile(meter(toWasm(code), settings));
  const { exports } = new WebAssembly.Instance(module, {
    a: {
      i: (runtime: number) => {
        expect(runtime).toBe(0);
        ticks++;
        if (ticks >= ticksToLive) throw new Error("over");
        (exports["fuel"] as WasmGlobal).value = 100;
        return 0;
      },
    },
  });
  const f = exports["f"] as () => void;
  const global = (name: string) => (exports[name] as WasmGlobal).value;
  return { f, ticks: () => ticks, global };
}

test("an endless loop ends at the host's word, after as many ticks as it grants", async () => {
  const { f, ticks } = await run([0x03, 0x40, 0x0c, 0, 0x0b, 0x0b], 5);
  expect(f).toThrow("over");
  expect(ticks()).toBe(5);
});

test("a function that calls itself costs fuel in each entry", async () => {
  const { f } = await run([0x10, 1, 0x0b], 2);
  expect(f).toThrow("over");
});

test("a bulk operation costs fuel by its size", async () => {
  const fill = [0x41, 0, 0x41, 0, 0x41, 0x80, 0xc0, 0, 0xfc, 11, 0, 0x0b];
  const { f, global, ticks } = await run(fill, 2);
  f();
  expect([ticks(), global("fuel")]).toEqual([1, 100]);
  const small = await run([0x41, 0, 0x41, 0, 0x41, 0x80, 1, 0xfc, 10, 0, 0, 0x0b], 2);
  small.f();
  expect([small.ticks(), small.global("fuel")]).toEqual([0, 98]);
});

test("the deepest stack is kept", async () => {
  const { f, global } = await run([0x41, 4, 0x24, 0, 0x41, 16, 0x24, 0, 0x0b], 2);
  f();
  expect([global("stack"), global("depth")]).toEqual([16, 4]);
});

test.each([
  ["an opcode that it does not know", [0xd0, 0x70, 0x1a, 0x0b], /unknown opcode 0xd0/],
  ["an atomic operation", [0xfe, 0x03, 0x00, 0x0b], /unknown opcode 0xfe/],
  ["memory that grows by itself", [0x41, 1, 0x40, 0, 0x1a, 0x0b], /unknown opcode 0x40/],
  ["passive data", [0xfc, 9, 0, 0x0b], /unknown opcode 0xfc 9/],
])("%s is refused", (_what, code, sentence) => {
  expect(() => meter(toWasm(code), settings)).toThrow(sentence);
});

test("state that could not be put back is refused", () => {
  const globals = [2, i32, 1, 0x41, 0, 0x0b, i32, 1, 0x41, 0, 0x0b];
  expect(() => meter(toWasm([0x0b], globals), settings)).toThrow(/other globals/);
});

test("what is no wasm, or breaks off, is refused", () => {
  const wasm = toWasm([0x0b]);
  for (const bytes of [new Uint8Array(0), wasm.subarray(0, 20), wasm.subarray(1)])
    expect(() => meter(bytes, settings)).toThrow(/wasm/);
});
