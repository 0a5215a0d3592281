/**
 * One instance of the engine's wasm, and what makes it as new: whatever it can change is its linear
 * memory, its stack pointer and the two counters of `meter`, so a copy of these is a copy of
 * everything. Memory above the heap's end and below the stack's deepest was never written.
 */
import { build } from "./build.ts";
import { depthName, fuelName, fuelPerTick, stackName, type EngineModule } from "./capture.ts";
import { toFfi, type Ffi } from "./ffi.ts";
import { toImports, type CoreHost } from "./imports.ts";
import { WebAssembly, type WasmGlobal } from "./wasm/web-assembly.ts";

export interface Snapshot {
  readonly statics: Uint8Array;
  readonly heap: Uint8Array;
}

export interface Core {
  readonly ffi: Ffi;
  /** Loop turns since the last `restore`. */
  readonly fuel: () => number;
  /** What lies in memory beside the C stack, in bytes. */
  readonly used: () => number;
  /** Whether memory was asked for that there was none of, since the last `restore`. */
  readonly isStarved: () => boolean;
  /** Text as C reads it; 0 where there is no memory. Ends at the first U+0000. */
  readonly write: (text: string) => number;
  /** Bytes of C's text that begins there. */
  readonly measure: (pointer: number) => number;
  readonly readText: (pointer: number, bytes?: number) => string;
  readonly view: () => DataView;
  readonly snapshot: () => Snapshot;
  /** As it was at the snapshot, which may be another core's of the same stack. */
  readonly restore: (snapshot: Snapshot) => void;
}

const pageBytes = 65_536;
/** A C function that calls no other may write this far below its stack pointer. */
const redZone = 128;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface CoreSettings {
  /** Above the first 16 MB. */
  readonly memoryMb: number;
  readonly stackKb: number;
}

export function createCore(engine: EngineModule, settings: CoreSettings, host: CoreHost): Core {
  const memory = new WebAssembly.Memory({
    initial: build.initialPages,
    maximum: build.initialPages + settings.memoryMb * 16,
  });
  let bytes = new Uint8Array(memory.buffer);
  let view = new DataView(memory.buffer);
  let spent = 0;
  let isStarved = false;
  const grow = (wanted: number) => {
    try {
      memory.grow(Math.max(0, Math.ceil((wanted - bytes.length) / pageBytes)));
    } catch {
      // The maximum: the guest is told by C's own means.
      isStarved = true;
      return false;
    }
    bytes = new Uint8Array(memory.buffer);
    view = new DataView(memory.buffer);
    return true;
  };
  const measure = (pointer: number) => bytes.indexOf(0, pointer) - pointer;
  const readText = (pointer: number, length = measure(pointer)) =>
    decoder.decode(bytes.subarray(pointer, pointer + length));
  const tick = () => {
    spent += fuelPerTick - fuel.value;
    fuel.value = fuelPerTick;
    host.tick();
  };
  const { exports } = new WebAssembly.Instance(engine.module, {
    [build.importModule]: {
      [build.memoryImport]: memory,
      ...toImports({ ...host, tick }, { view: () => view, readText, grow }),
    },
  });
  const fuel = exports[fuelName] as WasmGlobal;
  const stack = exports[stackName] as WasmGlobal;
  const stackTop = stack.value;
  const depth = exports[depthName] as WasmGlobal;
  const ffi = toFfi(exports, engine.names);
  (exports[build.start] as () => void)();
  const heapEnd = () => view.getUint32(build.breakAddress, true);
  const staticsEnd = stackTop - build.stackBytes;

  return {
    ffi,
    used: () => heapEnd() - build.stackBytes,
    measure,
    readText,
    view: () => view,
    fuel: () => spent + fuelPerTick - fuel.value,
    isStarved: () => isStarved,
    write: (text) => {
      // A text of ASCII takes as many bytes as it has units; memory that is touched is put back.
      const least = text.length + 1;
      const guess = ffi.malloc(least);
      if (guess === 0) return 0;
      const { read, written } = encoder.encodeInto(text, bytes.subarray(guess, guess + least - 1));
      if (read === text.length) {
        bytes[guess + written] = 0;
        return guess;
      }
      ffi.free(guess);
      const encoded = encoder.encode(text);
      const pointer = ffi.malloc(encoded.length + 1);
      if (pointer === 0) return 0;
      bytes.set(encoded, pointer);
      bytes[pointer + encoded.length] = 0;
      return pointer;
    },
    snapshot: () => ({
      statics: bytes.slice(0, staticsEnd),
      heap: bytes.slice(stackTop, heapEnd()),
    }),
    restore: ({ statics, heap }) => {
      const end = heapEnd();
      bytes.set(statics, 0);
      bytes.fill(0, depth.value - redZone, stackTop);
      const kept = stackTop + heap.length;
      if (kept > bytes.length && !grow(kept)) throw new Error("The snapshot does not fit");
      bytes.set(heap, stackTop);
      if (end > kept) bytes.fill(0, kept, end);
      stack.value = stackTop;
      depth.value = stackTop;
      fuel.value = fuelPerTick;
      spent = 0;
      isStarved = false;
    },
  };
}
