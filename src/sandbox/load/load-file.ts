/** Reads a plugin: its file and those that it imports, as JavaScript, with the hash of all of them. */
import { folderOf, resolvePath } from "../../config/index.ts";
import type { PluginCode } from "../face.ts";
import { type Import, findImports } from "./find-imports.ts";
import type { FileFault, LoadPorts } from "./ports.ts";
import { readSpecifier } from "./specifier.ts";
import { type Stripped, stripTypes } from "./strip.ts";

export interface PluginPlace {
  /** As the config names it, or a command. */
  readonly use: string;
  /** What that is relative to; absolute. Nothing outside of it is read. */
  readonly folder: string;
  /** The config's own file, absolute: it is no part of a plugin. */
  readonly config?: string | undefined;
}
export type LoadedFile = (
  | { readonly code: PluginCode }
  | { readonly code?: undefined; readonly faults: readonly FileFault[] }
) & {
  /** Every file that it consists of, also those that are not there: absolute. */
  readonly files: readonly string[];
};

/** Of one file. A bundled parser has some hundred KB; reading one of these takes up to half a second. */
const maxBytes = 524_288;
const maxTotal = 1_048_576;
const maxFiles = 64;
/** Of one file: whoever mends these comes back for the rest. */
const maxFaults = 20;

interface Module {
  readonly name: string;
  /** As it stands on the disk. */
  readonly text: string;
  readonly source: string;
}
interface Wanted {
  readonly name: string;
  /** Where it was asked for; undefined for the plugin itself. */
  readonly by: { readonly name: string; readonly line: number; readonly from: string } | undefined;
}

/** Modules may import each other in circles. Never rejects for what is in the files. */
export async function loadPluginFile(place: PluginPlace, ports: LoadPorts): Promise<LoadedFile> {
  const path = resolvePath(place.folder, place.use);
  const folder = folderOf(path);
  const entry = path.slice(path.lastIndexOf(path.includes("/") ? "/" : "\\") + 1);
  const modules: Module[] = [];
  const faults: FileFault[] = [];
  const seen = new Map<string, Wanted>([[entry, { name: entry, by: undefined }]]);
  const root = await ports.files.realPath(place.folder).catch(() => undefined);
  const home = await ports.files.realPath(folder).catch(() => undefined);
  const { config } = place;
  const own = config && (await ports.files.realPath(config).catch(() => undefined));
  let total = 0;

  const fileOf = (name: string): string => resolvePath(folder, name);
  const complain = ({ by }: Wanted, fault: string, hint?: string): void => {
    const where = by ?? { name: entry, line: undefined };
    const what = by === undefined ? fault : `Imports "${by.from}": ${lower(fault)}`;
    faults.push({ file: fileOf(where.name), line: where.line, fault: what, hint });
  };
  const read = async (wanted: Wanted): Promise<string | undefined> => {
    const within = wanted.by === undefined ? root : home;
    try {
      const real = await ports.files.realPath(fileOf(wanted.name));
      if (real === undefined || within === undefined) {
        complain(wanted, "There is no such file");
        return undefined;
      }
      if (!isInside(within, real)) {
        const what = wanted.by === undefined ? "config" : "plugin";
        const fault = `Is a link that leads out of the ${what}'s folder`;
        complain(wanted, fault, "put the file itself there");
        return undefined;
      }
      // It may hold secrets that a plugin would have only to give away.
      if (real === own) {
        complain(wanted, "Is the config of the gateway, which is no plugin");
        return undefined;
      }
      const text = await ports.files.readOwn(real, maxBytes);
      if (text === undefined) complain(wanted, "There is no such file");
      return text;
    } catch (error) {
      complain(wanted, `Cannot be read: ${whyUnread(error)}`);
      return undefined;
    }
  };
  const follow = (found: readonly Import[], name: string): void => {
    const before = faults.length;
    for (const { from, line } of found) {
      // Attack: a file of nothing but imports, each of which is a line of the log and a file to watch.
      if (faults.length - before >= maxFaults || seen.size > maxFiles) return;
      const specifier = readSpecifier(from, name);
      if (specifier.kind === "refused") {
        const { fault, hint } = specifier;
        faults.push({ file: fileOf(name), line, fault, hint });
      } else if (specifier.kind === "file" && !seen.has(specifier.name)) {
        seen.set(specifier.name, { name: specifier.name, by: { name, line, from } });
      }
    }
  };

  // A map takes in what is added while it is gone through.
  let count = 0;
  for (const wanted of seen.values()) {
    const { name } = wanted;
    if (count++ >= maxFiles) {
      complain(wanted, `A plugin has at most ${maxFiles} files`);
      break;
    }
    const text = await read(wanted);
    if (text === undefined) continue;
    total += text.length;
    if (total > maxTotal) {
      complain(wanted, `The files of a plugin have at most ${maxTotal} characters together`);
      break;
    }
    const found = await toModule(name, text, ports.strip ?? stripTypes);
    if ("module" in found) modules.push(found.module);
    faults.push(...found.faults.map((fault) => ({ ...fault, file: fileOf(name) })));
    follow(found.imports, name);
  }
  const files = [...seen.keys()].map(fileOf);
  if (faults.length > 0) return { faults, files };
  const sha256 = toHash(modules, ports.crypto);
  const sources = modules.map(({ name, source }) => ({ name, source }));
  return { code: { file: place.use, modules: sources, sha256 }, files };
}

interface Found {
  readonly module?: Module;
  readonly imports: readonly Import[];
  readonly faults: readonly Omit<FileFault, "file">[];
}

async function toModule(
  name: string,
  text: string,
  strip: (source: string) => Promise<Stripped>,
): Promise<Found> {
  const none = { imports: [] };
  // The engine takes a source up to it: the rest would look like code and be none.
  const end = text.indexOf("\0");
  if (end !== -1) {
    const line = text.slice(0, end).split("\n").length;
    return { ...none, faults: [{ fault: "Holds the character U+0000", line }] };
  }
  const bare = text.replace(/^\uFEFF/, "");
  const stripped = name.endsWith("ts") ? await strip(bare) : { code: bare };
  if ("fault" in stripped) return { ...none, faults: [stripped] };
  const source = stripped.code;
  const { imports, dynamic, decorator } = findImports(source);
  const faults: Omit<FileFault, "file">[] = [];
  if (dynamic !== undefined) {
    const fault = "Imports with import(…), which the sandbox does not have";
    faults.push({ fault, hint: "write import … from at the top", line: dynamic });
  }
  if (decorator !== undefined) {
    const fault = "Has a decorator, which the sandbox does not have";
    faults.push({ fault, hint: "call the function yourself", line: decorator });
  }
  return { module: { name, text, source }, imports, faults };
}

/**
 * Of one file what `sha256sum` prints; of several, over their names and hashes, the plugin's own
 * first.
 */
function toHash([first, ...rest]: readonly Module[], { sha256 }: LoadPorts["crypto"]): string {
  if (first === undefined) return "";
  if (rest.length === 0) return sha256(first.text);
  const sorted = rest.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return sha256(JSON.stringify([first, ...sorted].map(({ name, text }) => [name, sha256(text)])));
}

function isInside(folder: string, path: string): boolean {
  const bare = folder.replace(/[/\\]$/, "");
  return path.startsWith(`${bare}/`) || path.startsWith(`${bare}\\`);
}

function lower(sentence: string): string {
  return sentence.slice(0, 1).toLowerCase() + sentence.slice(1);
}

function whyUnread(error: unknown): string {
  const isSystem = error instanceof Error && "code" in error;
  if (isSystem || !(error instanceof Error)) return "this user or process may not read it";
  return lower(error.message.split("\n")[0] ?? "");
}
