/** Evaluates a config and its parts anew at each load, whatever their form. */
import { createJiti } from "jiti";
import type { Imports } from "./find-imports.ts";
import { extensionOf } from "./path.ts";

type Jiti = ReturnType<typeof createJiti>;
type Modules = NonNullable<NonNullable<Parameters<Jiti["evalModule"]>[1]>["cache"]>;

const settings = {
  fsCache: false,
  moduleCache: false,
  interopDefault: false,
  tryNative: false,
  debug: false,
} as const;

/**
 * What `file` exports, with `parts` as they are now. Left to itself the loader gives JavaScript and
 * JSON to the runtime, which reads a file once in its life: a reload would see the parts of before.
 * `modules` are what imports find besides files.
 */
export async function evaluate(
  file: string,
  source: string,
  parts: Imports,
  modules: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const jiti = createJiti(file, { ...settings, virtualModules: modules });
  const known: Modules = {};
  for (const [part, text] of parts) {
    if (text !== undefined) refresh(jiti, known, part, text);
  }
  return await run(jiti, known, file, source, true);
}

function refresh(jiti: Jiti, known: Modules, part: string, text: string): void {
  const extension = extensionOf(part);
  if (!/^\.([cm]?js|json)$/.test(extension)) return;
  const name = part.slice(Math.max(part.lastIndexOf("/"), part.lastIndexOf("\\")) + 1);
  // Behind symbolic links, as the loader will ask for it.
  const real = createJiti(part, settings).resolve(`./${name}`);
  if (extension === ".json") {
    delete createJiti(part, { ...settings, moduleCache: true }).cache[real];
    return;
  }
  const isModule =
    extension === ".mjs" || (extension === ".js" && /^\s*(import|export)\b/m.test(text));
  // Read by whoever imports it first; one that only a comment names is never run.
  const lazy = {
    get exports(): unknown {
      return run(jiti, known, real, text, isModule);
    },
  };
  known[real] = lazy as Modules[string];
}

function run(jiti: Jiti, cache: Modules, file: string, text: string, isAsync: boolean): unknown {
  const options = { id: file, filename: file, async: isAsync, forceTranspile: true, cache };
  return jiti.evalModule(text, options);
}
