/** Brings a plugin's modules into a fresh guest, up to the point from which every call starts. */
import type { LoadFault, PluginCode, PluginLimits, PluginTraits } from "../face.ts";
import { entryName, entrySource } from "./guest/entry.ts";
import { toSafeLine } from "../pool/guest-log.ts";
import { parseExplanation } from "./explain.ts";
import { outOfMemory, outOfTime, type Guest } from "./guest.ts";
import { maxJobs } from "./limits.ts";
import { runJobs } from "./jobs.ts";
import { parseTraits } from "./traits.ts";

const moduleFlag = 1;
const pendingPromise = 0;
const faultCharacters = 1_000;

/** Without `config` `setup` is not run. */
export function loadPlugin(
  guest: Guest,
  code: PluginCode,
  limits: Pick<PluginLimits, "loadMs" | "memoryMb">,
  config?: string,
): PluginTraits | LoadFault {
  Object.assign(guest.clock, {
    spentMs: 0,
    allowedMs: limits.loadMs,
    passedMs: 0,
    end: Infinity,
  });
  try {
    const loaded = guest.enter(() => load(guest, code, config));
    if ("fault" in loaded && guest.core.isStarved()) throw outOfMemory;
    return "fault" in loaded ? { ...loaded, fault: toShown(loaded.fault) } : loaded;
  } catch (error) {
    if (error === outOfTime) return { fault: `Loading takes longer than ${limits.loadMs} ms` };
    if (error === outOfMemory || guest.core.isStarved())
      return { fault: `Loading takes more memory than the ${limits.memoryMb} MB that it may have` };
    return { fault: toShown(`Loading broke the engine: ${String(error)}`) };
  }
}

/** Attack: a fault that colours the operator's terminal, or reads backwards. */
function toShown(fault: string): string {
  return toSafeLine(fault, faultCharacters);
}

function load(
  guest: Guest,
  code: PluginCode,
  config: string | undefined,
): PluginTraits | LoadFault {
  const { core, places } = guest;
  const sources = new Map(code.modules.map(({ name, source }) => [name, source]));
  sources.set(entryName, entrySource);
  const [entry] = code.modules;
  if (entry === undefined) return { fault: "There is no module" };
  for (const [name, source] of sources)
    if (source.includes("\0")) return { fault: `"${name}" holds the character U+0000` };
  let missing: string | undefined;
  guest.modules.resolve = (base, name) => resolveName(sources, base, name);
  guest.modules.find = (name) => {
    const source = sources.get(name);
    if (source === undefined) missing ??= name;
    return source;
  };
  core.ffi.QTS_RuntimeEnableModuleLoader(places.runtime, 1);
  const text = core.write(entry.source);
  const file = core.write(entry.name);
  if (text === 0 || file === 0) throw outOfMemory;
  const length = core.measure(text);
  const module = core.ffi.QTS_Eval(places.context, text, length, file, 0, moduleFlag);
  core.ffi.QTS_RuntimeDisableModuleLoader(places.runtime);
  core.ffi.free(text);
  core.ffi.free(file);
  guest.modules.find = () => undefined;
  if (missing !== undefined)
    return { fault: `Imports "${missing}", which is none of its files and not "${entryName}"` };
  const thrown = guest.check(module);
  if (thrown !== undefined) return toFault(thrown, sources);
  if (core.ffi.QTS_PromiseState(places.context, module) === pendingPromise)
    return { fault: "Awaits at the top level, where nothing will ever answer" };
  const adopted = guest.pass("adopt", module);
  if ("thrown" in adopted) return toFault(adopted, sources);
  const traits = parseTraits(adopted.text);
  if ("fault" in traits || config === undefined) return traits;
  const setUp = guest.call("setUp", config);
  if ("thrown" in setUp) return toFault(setUp, sources);
  if (setUp.text !== "") return { fault: setUp.text };
  const jobs = runJobs(guest, maxJobs);
  if (jobs === "flood") return { fault: "Leaves promises at work that do not come to an end" };
  return typeof jobs === "number" ? traits : toFault(jobs, sources);
}

/** Names are either the modules' own or relative to the importing module's. */
function resolveName(sources: ReadonlyMap<string, string>, base: string, name: string): string {
  if (sources.has(name) || !/^\.\.?\//.test(name)) return name;
  const parts = base.split("/").slice(0, -1);
  for (const part of name.split("/"))
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  const joined = parts.join("/");
  return sources.has(joined) || !sources.has(`./${joined}`) ? joined : `./${joined}`;
}

/** One line, with the place where the engine's stack names one of the modules. */
function toFault({ thrown }: { thrown: string }, sources: ReadonlyMap<string, string>): LoadFault {
  const isOwn = (name: string) => sources.has(name) && name !== entryName;
  const { why, file, line } = parseExplanation(thrown, isOwn);
  return { fault: why, line, module: file };
}
