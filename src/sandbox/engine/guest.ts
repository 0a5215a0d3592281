/** A guest in a core: strings in, one string out, and nothing else crosses. */
import { hooks } from "../face.ts";
import { createCore, type Core, type CoreSettings, type Snapshot } from "./core.ts";
import type { EngineModule } from "./capture.ts";
import {
  bootstrapName,
  bootstrapSource,
  guestFunctions,
  type GuestFunction,
} from "./guest/bootstrap.ts";
import type { CoreHost } from "./imports.ts";
import { patience } from "./limits.ts";
import type { EnginePorts } from "./ports.ts";

/** Thrown by the fuel counter through the wasm. */
export const outOfTime = new Error("The guest's time is over");
/** Thrown where C got no memory. */
export const outOfMemory = new Error("The guest's memory is used up");

/** Where a guest keeps what the host works with; the same in each core that starts from its snapshot. */
export interface GuestPlaces {
  readonly runtime: number;
  readonly context: number;
  readonly undefined: number;
  readonly functions: Readonly<Record<GuestFunction, number>>;
}
export interface GuestImage {
  readonly places: GuestPlaces;
  readonly snapshot: Snapshot;
}

/** What stands outside of the memory, and changes from call to call. */
export interface GuestClock {
  /** The guest's time so far, and the most that it may come to. */
  spentMs: number;
  allowedMs: number;
  /** As `spentMs`, with what the machine did meanwhile. */
  passedMs: number;
  /** Of `elapsed`: nothing goes on after it. */
  end: number;
  /** Milliseconds since the epoch. */
  now: number;
}

/** What a function of the guest gave, or the guest's own description of what it threw. */
export type GuestEnd = { readonly text: string } | { readonly thrown: string };
export type GuestValue = string | number | boolean;

export interface Guest {
  readonly core: Core;
  readonly clock: GuestClock;
  /** Runs code that lets the guest compute, and counts its time. */
  readonly enter: <T>(act: () => T) => T;
  /** Finds a module's source while a plugin is loaded, and nothing after. */
  readonly modules: {
    find: (name: string) => string | undefined;
    resolve: (base: string, name: string) => string;
  };
  readonly places: GuestPlaces;
  readonly call: (name: GuestFunction, ...args: readonly GuestValue[]) => GuestEnd;
  /** As `call`, and gives a pointer to C's text; 0 where it threw. */
  readonly callRaw: (name: GuestFunction, ...args: readonly GuestValue[]) => number;
  /** The value that a C function returned, as a pointer; with what it threw described. */
  readonly check: (value: number) => { readonly thrown: string } | undefined;
  readonly pass: (name: GuestFunction, value: number) => GuestEnd;
}

/**
 * A tick of fuel is burnt in less than a millisecond. What takes longer than this was the machine
 * doing something else, which is not the guest's fault; `patience` bounds even that.
 */
const mostMsPerTick = 5;
const strictFlag = 8;
/** Neither sources nor line numbers are kept: what is kept is copied back after each call. */
const stripFlag = 16;
const hashFunction = 1;
const uuidFunction = 2;

export function createGuest(
  engine: EngineModule,
  settings: CoreSettings,
  ports: Pick<EnginePorts, "elapsed" | "sha256" | "randomUUID">,
  image?: GuestImage,
): Guest {
  const clock: GuestClock = { spentMs: 0, allowedMs: Infinity, passedMs: 0, end: Infinity, now: 0 };
  const modules: Guest["modules"] = { find: () => undefined, resolve: (_base, name) => name };
  let lastAt = 0;
  const count = (mostMs: number) => {
    const at = ports.elapsed();
    clock.spentMs += Math.min(at - lastAt, mostMs);
    clock.passedMs += at - lastAt;
    lastAt = at;
    return at;
  };
  const tick = (mostMs: number) => {
    const at = count(mostMs);
    const { spentMs, allowedMs, passedMs, end } = clock;
    if (spentMs > allowedMs || passedMs > allowedMs * patience || at > end) throw outOfTime;
  };
  const host: CoreHost = {
    tick: () => tick(mostMsPerTick),
    now: () => clock.now,
    callHost: (id, argv) => {
      count(mostMsPerTick);
      const text = id === uuidFunction ? ports.randomUUID() : hash(argv);
      // Hashing takes time and no fuel.
      tick(mostMsPerTick);
      return newString(text);
    },
    loadModule: (name) => {
      const source = modules.find(name);
      return source === undefined ? 0 : need(core.write(source));
    },
    normalizeModule: (base, name) => need(core.write(modules.resolve(base, name))),
  };
  const core = createCore(engine, settings, host);
  const { ffi } = core;
  const hash = (argv: number) => {
    const text = ffi.QTS_GetString(places.context, ffi.QTS_ArgvGetJSValueConstPointer(argv, 0));
    return ports.sha256(JSON.parse(core.readText(need(text))) as string);
  };
  const newString = (text: string) => {
    const pointer = need(core.write(text));
    const value = need(ffi.QTS_NewString(places.context, pointer));
    ffi.free(pointer);
    return value;
  };
  const toValue = (value: GuestValue) =>
    typeof value === "string"
      ? newString(value)
      : ffi.QTS_NewFloat64(places.context, Number(value));
  const apply = (callee: number, values: readonly number[]) => {
    const argv = need(ffi.malloc(values.length * 4));
    const view = core.view();
    for (let index = 0; index < values.length; index++)
      view.setUint32(argv + index * 4, values[index] ?? 0, true);
    return ffi.QTS_Call(places.context, callee, places.undefined, values.length, argv);
  };
  const explain = (error: number): string => {
    const said = apply(places.functions.explain, [error]);
    if (ffi.QTS_ResolveException(places.context, said) !== 0) return "";
    return core.readText(need(ffi.QTS_GetString(places.context, said)));
  };
  const check: Guest["check"] = (value) => {
    const error = ffi.QTS_ResolveException(places.context, need(value));
    return error === 0 ? undefined : { thrown: explain(error) };
  };
  const passAll = (name: GuestFunction, values: readonly number[]): GuestEnd => {
    const value = apply(places.functions[name], values);
    const thrown = check(value);
    if (thrown !== undefined) return thrown;
    return { text: core.readText(need(ffi.QTS_GetString(places.context, value))) };
  };

  const places = image?.places ?? boot(core, settings.stackKb);
  if (image !== undefined) core.restore(image.snapshot);
  return {
    core,
    clock,
    enter: (act) => {
      lastAt = ports.elapsed();
      try {
        return act();
      } finally {
        count(mostMsPerTick);
      }
    },
    modules,
    places,
    check,
    call: (name, ...args) => passAll(name, args.map(toValue)),
    callRaw: (name, ...args) => {
      const value = apply(places.functions[name], args.map(toValue));
      if (ffi.QTS_ResolveException(places.context, need(value)) !== 0) return 0;
      return need(ffi.QTS_GetString(places.context, value));
    },
    pass: (name, value) => passAll(name, [value]),
  };
}

/** C gives 0 for memory that there is none of. */
function need(pointer: number): number {
  if (pointer === 0) throw outOfMemory;
  return pointer;
}

/** Makes a realm and runs the bootstrap in it. */
function boot(core: Core, stackKb: number): GuestPlaces {
  const { ffi } = core;
  const runtime = ffi.QTS_NewRuntime();
  ffi.QTS_RuntimeSetMaxStackSize(runtime, stackKb * 1024);
  const everything = 0;
  const context = ffi.QTS_NewContext(runtime, everything);
  const undefinedValue = ffi.QTS_GetUndefined();
  const run = (callee: number, values: readonly number[]) => {
    const argv = ffi.malloc(values.length * 4);
    for (const [index, value] of values.entries())
      core.view().setUint32(argv + index * 4, value, true);
    return ffi.QTS_Call(context, callee, undefinedValue, values.length, argv);
  };
  const evaluate = (source: string, file: string) => {
    const text = core.write(source);
    const flags = strictFlag | stripFlag;
    const value = ffi.QTS_Eval(context, text, core.measure(text), core.write(file), 0, flags);
    ffi.free(text);
    return value;
  };
  const bind = (name: string, id: number) =>
    ffi.QTS_NewFunction(context, core.write(name), 1, 0, id);
  const made = run(evaluate(bootstrapSource, bootstrapName), [
    evaluate(`(${JSON.stringify(hooks)})`, bootstrapName),
    bind("sha256", hashFunction),
    bind("randomUUID", uuidFunction),
  ]);
  if (ffi.QTS_ResolveException(context, made) !== 0)
    throw new Error("The bootstrap of the sandbox failed");
  const functions = guestFunctions.map((name) => {
    const key = ffi.QTS_NewString(context, core.write(name));
    return [name, ffi.QTS_GetProp(context, made, key)];
  });
  return {
    runtime,
    context,
    undefined: undefinedValue,
    functions: Object.fromEntries(functions) as Record<GuestFunction, number>,
  };
}
