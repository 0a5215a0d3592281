/**
 * The one build of QuickJS that the engine knows: `@jitl/quickjs-singlefile-mjs-release-sync` 0.32.0.
 * Its imports have no names that say what they are, and where its state lies is nowhere written, so
 * another build is refused by its hash, and these rows are found anew from its loader and its wasm.
 */

export const build = {
  sha256: "105c3bed22d457e43e3d1c3c1c6959fda62a8fe06f0fc8a985303c3a2be72232",
  importModule: "a",
  memoryImport: "a",
  /** Of what the wasm calls. */
  imports: {
    assertFailed: "b",
    writeFile: "c",
    closeFile: "d",
    readEnvironment: "e",
    sizeEnvironment: "f",
    normalizeModule: "g",
    loadModule: "h",
    interrupt: "i",
    setTimer: "j",
    growHeap: "k",
    keepRuntime: "l",
    localTime: "m",
    timeZone: "n",
    seekFile: "o",
    now: "p",
    abort: "q",
    exit: "r",
    callHost: "s",
    freeHostRef: "t",
  },
  /** The C constructors, which the loader calls first. */
  start: "u",
  /** Where the C heap's end is kept (an i32). It only ever rises, and nothing above it was written. */
  breakAddress: 86_864,
  /** The C stack lies between the static data and the heap, and grows downwards. */
  stackBytes: 5 * 1024 * 1024,
  initialPages: 256,
} as const;

export type ImportRole = keyof typeof build.imports;
