/** QuickJS's C functions that the sandbox uses; every number that is not a count is a pointer. */
import type { ExportNames } from "./capture.ts";
import type { WasmExports } from "./wasm/web-assembly.ts";

type Words<Count extends number, Args extends number[] = []> = Args["length"] extends Count
  ? Args
  : Words<Count, [...Args, number]>;
type Native<Count extends number> = (...args: Words<Count>) => number;

/** By what the package calls them, with how many arguments they take. */
const natives = {
  malloc: 1,
  free: 1,
  QTS_NewRuntime: 0,
  QTS_NewContext: 2,
  QTS_RuntimeSetMaxStackSize: 2,
  QTS_RuntimeEnableModuleLoader: 2,
  QTS_RuntimeDisableModuleLoader: 1,
  QTS_GetUndefined: 0,
  QTS_NewFloat64: 2,
  QTS_GetFloat64: 2,
  QTS_NewString: 2,
  QTS_GetString: 2,
  QTS_NewFunction: 5,
  QTS_ArgvGetJSValueConstPointer: 2,
  QTS_GetProp: 3,
  QTS_Call: 5,
  QTS_Eval: 6,
  QTS_ResolveException: 2,
  QTS_IsJobPending: 1,
  QTS_ExecutePendingJob: 3,
  QTS_PromiseState: 2,
} as const;

export type Ffi = { readonly [Name in keyof typeof natives]: Native<(typeof natives)[Name]> };

/** Throws where the instance lacks one of them. */
export function toFfi(exports: WasmExports, names: ExportNames): Ffi {
  const found = Object.entries(natives).map(([name, count]) => {
    const native = exports[names.get(`_${name}`) ?? ""];
    if (typeof native !== "function" || native.length !== count)
      throw new Error(`QuickJS lacks its function "${name}"`);
    return [name, native];
  });
  return Object.fromEntries(found) as Ffi;
}
