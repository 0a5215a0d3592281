/** Policy cases as a file writes them: `.json`, or a module whose default export they are. */
import { findImports, readConfigFile, suggest } from "../config/index.ts";
import type { Config } from "../config/index.ts";
import type { CallWish } from "../core/index.ts";
import * as face from "../index.ts";
import {
  type Json,
  type JsonObject,
  isObject,
  items,
  member,
  parseJson,
  reread,
  stringOf,
} from "../mcp/index.ts";
import { toThing } from "./explain-words.ts";
import { type LoadRuntime, formatFault } from "./load.ts";

const expectations = ["allowed", "denied", "asked"] as const;

export interface PolicyCase {
  readonly file: string;
  /** From 1. */
  readonly place: number;
  readonly name: string;
  readonly wish: CallWish;
  readonly expect: (typeof expectations)[number];
  readonly code?: string;
  /** All arguments that rules have to give, and no other. */
  readonly set?: JsonObject;
}
export type ReadCases = {
  readonly cases: readonly PolicyCase[];
  readonly faults: readonly string[];
};

/** `file` is absolute; all faults at once, a line each. */
export async function readCases(
  file: string,
  config: Config,
  runtime: LoadRuntime,
): Promise<ReadCases> {
  const list = await readList(file, runtime);
  if (typeof list === "string") return { cases: [], faults: [list] };
  if (list.node.type !== "array") {
    return { cases: [], faults: [`${file}: Must be a list of cases`] };
  }
  const cases: PolicyCase[] = [];
  const faults: string[] = [];
  for (const [index, item] of items(list).entries()) {
    const read = toCase(item, config);
    const place = index + 1;
    if (typeof read === "string") faults.push(`${file}: case ${place}: ${read}`);
    else cases.push({ ...read, file, place });
  }
  if (cases.length + faults.length === 0) faults.push(`${file}: Has no case`);
  return { cases, faults };
}

/** JSON is read exactly; what a module exports is what JSON says of it. */
async function readList(file: string, runtime: LoadRuntime): Promise<Json | string> {
  const { config: files, cwd } = runtime;
  const source = await files.readText(file).catch(() => undefined);
  if (source === undefined) return `${file}: There is no such file, or it cannot be read`;
  if (file.toLowerCase().endsWith(".json")) {
    const parsed = parseJson(source.replace(/^\uFEFF/, ""), { strict: true });
    return parsed.ok
      ? parsed.json
      : `${file}: Is no JSON: ${parsed.fault} at character ${parsed.at}`;
  }
  const imports = await findImports(file, source, files);
  const read = await readConfigFile(file, source, imports, { "mcp-gw": { ...face } });
  if ("fault" in read) return formatFault(read.fault, cwd());
  try {
    return reread(JSON.stringify(read.exported) ?? "null");
  } catch {
    return `${file}: Its default export cannot be written as JSON`;
  }
}

const members = [
  "name",
  "client",
  "subject",
  "address",
  "call",
  "kind",
  "args",
  "expect",
  "code",
  "set",
];

/** A text says what is wrong. A name that the config does not have would let "denied" pass for ever. */
function toCase(json: Json, config: Config): Omit<PolicyCase, "file" | "place"> | string {
  if (!isObject(json)) return "Must be an object";
  const unknown = json.node.members.find(({ key }) => !members.includes(key))?.key;
  if (unknown === "claims") return '"claims" speaks of issuers, which this version does not have';
  if (unknown !== undefined) return `Has the unknown key "${unknown}"${meant(unknown, members)}`;
  const given = new Map<string, string>();
  for (const key of members) {
    const value = key === "args" || key === "set" ? undefined : member(json, key);
    if (value === undefined) continue;
    const text = stringOf(value);
    if (text === undefined) return `"${key}" must be a text`;
    given.set(key, text);
  }
  const [client, call, code] = ["client", "call", "code"].map((key) => given.get(key));
  const clients = Object.keys(config.clients);
  if (client === undefined) return '"client" is missing';
  if (!clients.includes(client)) return `There is no client "${client}"${meant(client, clients)}`;
  if (call === undefined) return '"call" is missing';
  const thing = toThing(call, given.get("kind"));
  if ("fault" in thing) return thing.fault;
  const upstreams = Object.keys(config.upstreams);
  if (!upstreams.includes(thing.upstream)) {
    return `There is no upstream "${thing.upstream}"${meant(thing.upstream, upstreams)}`;
  }
  const wanted = given.get("expect");
  const expect = expectations.find((each) => each === wanted);
  if (expect === undefined) return `"expect" must be one of ${expectations.join(", ")}`;
  if (code !== undefined && expect === "allowed") return '"code" is of a call that is not allowed';
  const set = member(json, "set");
  if (set !== undefined && !isObject(set)) return '"set" must be an object';
  const args = member(json, "args");
  const who = { client, subject: given.get("subject"), address: given.get("address") };
  return {
    name: given.get("name") ?? `${client} calls ${call}`,
    wish: { ...who, ...thing, args },
    expect,
    ...(code !== undefined && { code }),
    ...(set && { set }),
  };
}

function meant(word: string, known: readonly string[]): string {
  const suggestion = suggest(word, known);
  return suggestion === undefined ? "" : ` (${suggestion})`;
}
