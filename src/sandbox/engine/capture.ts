/** Gets QuickJS's wasm out of its package, metered and compiled once for all instances. */
import type { QuickJSSyncVariant } from "quickjs-emscripten-core";
import type { EnginePorts } from "./ports.ts";
import { build } from "./build.ts";
import { meter } from "./wasm/meter.ts";
import { WebAssembly, type WasmExports, type WasmModule } from "./wasm/web-assembly.ts";

/** The engine's functions by the names that `ffi.ts` calls them. */
export type ExportNames = ReadonlyMap<string, string>;
export interface EngineModule {
  readonly module: WasmModule;
  readonly names: ExportNames;
}
export const fuelName = "fuel";
export const stackName = "stack";
export const depthName = "depth";
export const fuelPerTick = 100_000;

interface Captured {
  readonly bytes: Uint8Array;
  readonly names: ExportNames;
}

/** Rejects where the package is another build than the one that the engine knows. */
export async function captureEngine(ports: Pick<EnginePorts, "sha256">): Promise<EngineModule> {
  const { bytes, names } = await capture();
  if (ports.sha256(bytes) !== build.sha256)
    throw new Error(
      'The installed "@jitl/quickjs-singlefile-mjs-release-sync" is not the build that the sandbox knows: install version 0.32.0',
    );
  const metered = meter(bytes, {
    tick: build.imports.interrupt,
    initialFuel: fuelPerTick,
    fuelName,
    stackName,
    depthName,
  });
  return { module: await WebAssembly.compile(metered), names };
}

/**
 * The package holds the wasm as text in its loader and hands it to `WebAssembly.instantiate` alone:
 * that is listened to for one call. The loader's own instance is used for nothing but its names.
 */
async function capture(): Promise<Captured> {
  const { default: variant }: { readonly default: QuickJSSyncVariant } =
    await import("@jitl/quickjs-singlefile-mjs-release-sync");
  const load = (await variant.importModuleLoader()) as (options: object) => Promise<object>;
  const { instantiate } = WebAssembly;
  let bytes: Uint8Array | undefined;
  let exports: WasmExports = {};
  let loaded: object;
  try {
    WebAssembly.instantiate = async (source, imports) => {
      const made = await instantiate(source, imports);
      bytes = source;
      ({ exports } = made.instance);
      return made;
    };
    loaded = await load({});
  } finally {
    WebAssembly.instantiate = instantiate;
  }
  if (bytes === undefined) throw new Error("The QuickJS package did not instantiate its wasm");
  const shortNames = new Map(Object.entries(exports).map(([name, value]) => [value, name]));
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(loaded) as [string, unknown][]) {
    const short = shortNames.get(value);
    if (short !== undefined) names.set(name, short);
  }
  return { bytes, names };
}
