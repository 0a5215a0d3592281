/** `WebAssembly` as the engine uses it: the compiler's library for ES2023 does not know it. */

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  readonly grow: (pages: number) => number;
}
export interface WasmGlobal {
  value: number;
}
/** Compiled; what it is like inside is the runtime's own. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}
export type WasmExports = Readonly<Record<string, unknown>>;
export interface WasmInstance {
  readonly exports: WasmExports;
}
export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Api {
  readonly Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => WasmInstance;
  readonly compile: (bytes: Uint8Array<ArrayBuffer>) => Promise<WasmModule>;
  instantiate: (
    bytes: Uint8Array<ArrayBuffer>,
    imports: WasmImports,
  ) => Promise<{ readonly instance: WasmInstance; readonly module: WasmModule }>;
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Api };
