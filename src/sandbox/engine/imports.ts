/** All that the engine's wasm can reach: no file, no environment, no clock but the call's own. */
import { build, type ImportRole } from "./build.ts";

/** What the wasm asks of whoever drives it. */
export interface CoreHost {
  /** The fuel of one tick is used up; throws where the guest's time is over. */
  readonly tick: () => void;
  /** Milliseconds since the epoch, as the guest sees them. */
  readonly now: () => number;
  /** A function that was given to the guest; gets its number and gives back a pointer to a value. */
  readonly callHost: (id: number, argv: number) => number;
  /** The source of a module, allocated for C, or 0. */
  readonly loadModule: (name: string) => number;
  /** The full name of a module, allocated for C. */
  readonly normalizeModule: (base: string, name: string) => number;
}

/** What the imports need of the memory. */
export interface ImportMemory {
  readonly view: () => DataView;
  readonly readText: (pointer: number) => string;
  /** False where the memory may not have that many bytes. */
  readonly grow: (bytes: number) => boolean;
}

/** Thrown through the wasm where the engine gave itself up. */
export const aborted = new Error("The engine aborted");

const ok = 0;
const badFile = 8;
const notSeekable = 70;

type Native = (...args: never[]) => unknown;

export function toImports(host: CoreHost, memory: ImportMemory): Record<string, Native> {
  const abort = () => {
    throw aborted;
  };
  const roles: Record<ImportRole, Native> = {
    assertFailed: abort,
    abort,
    exit: abort,
    writeFile: () => badFile,
    closeFile: () => badFile,
    seekFile: () => notSeekable,
    readEnvironment: () => ok,
    sizeEnvironment: (count: number, size: number) => {
      memory.view().setInt32(count, 0, true);
      memory.view().setInt32(size, 0, true);
      return ok;
    },
    setTimer: () => ok,
    keepRuntime: () => undefined,
    freeHostRef: () => undefined,
    now: () => host.now(),
    localTime: (seconds: bigint, fields: number) =>
      writeUtc(memory.view(), fields, Number(seconds) * 1000),
    timeZone: (offset: number, hasSummer: number, standard: number, summer: number) => {
      const view = memory.view();
      for (const number of [offset, hasSummer]) view.setInt32(number, 0, true);
      // "UTC" and its end.
      for (const text of [standard, summer]) view.setUint32(text, 0x00_43_54_55, true);
    },
    growHeap: (bytes: number) => (memory.grow(bytes >>> 0) ? 1 : 0),
    // The fuel counter calls it without a runtime; the engine's own interrupts stay switched off.
    interrupt: (runtime: number) => {
      if (runtime === 0) host.tick();
      return 0;
    },
    callHost: (_context: number, _self: number, _count: number, argv: number, id: number) =>
      host.callHost(id, argv),
    loadModule: (_runtime: number, _context: number, name: number) =>
      host.loadModule(memory.readText(name)),
    normalizeModule: (_runtime: number, _context: number, base: number, name: number) =>
      host.normalizeModule(memory.readText(base), memory.readText(name)),
  };
  const named = Object.entries(build.imports).map(([role, name]) => [
    name,
    roles[role as ImportRole],
  ]);
  return Object.fromEntries(named) as Record<string, Native>;
}

/** C's `struct tm`, in which every place is at Greenwich. */
function writeUtc(view: DataView, at: number, ms: number): void {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  const dayOfYear = Math.floor((date.getTime() - Date.UTC(year, 0, 1)) / 86_400_000);
  const fields = [
    date.getUTCSeconds(),
    date.getUTCMinutes(),
    date.getUTCHours(),
    date.getUTCDate(),
    date.getUTCMonth(),
    year - 1900,
    date.getUTCDay(),
    dayOfYear,
    0,
    0,
  ];
  for (const [index, field] of fields.entries()) view.setInt32(at + index * 4, field, true);
}
