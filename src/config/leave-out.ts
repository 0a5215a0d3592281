/**
 * A config without what is wrong in it, so that what depends on all of it can be checked in the
 * same run. It is only looked at: no gateway is ever built from it.
 */
import type { LeftOut } from "./checks/index.ts";
import type { PathKey } from "./fault.ts";

export interface Sound {
  readonly input: unknown;
  readonly leftOut: LeftOut;
}

type Path = readonly PathKey[];
type Table = Record<string, unknown>;

/** What takes the place of a required value, by the place it stands at. */
const standIns = new Map<string, (name: string) => unknown>([
  ["upstreams.url", () => "http://127.0.0.1"],
  ["upstreams.command", () => "none"],
  ["upstreams.package", () => "none@0.0.0"],
  ["clients.allow", () => ({ tools: ["*"] })],
  ["roles.allow", () => ({ tools: ["*"] })],
  ["rules.name", (index) => `rule ${index}`],
  ["rules.on", () => "*"],
  ["rules.then", () => "deny"],
]);

/** A rule that lacks one of these could seem to do nothing, or to do something else. */
const effects = new Set(["ask", "set", "defaults", "rate", "sanitize", "timeoutMs", "mode"]);

/** `sha256` makes the stand-in of a token, which no other client has. */
export function leaveOut(
  input: unknown,
  bad: readonly Path[],
  sha256: (text: string) => string,
): Sound {
  const sound: Table = isTable(input) ? { ...input } : {};
  const lost = {
    upstreams: new Set<string>(),
    clients: new Set<string>(),
    roles: new Set<string>(),
    rules: new Set(),
    plugins: new Set(),
  };
  const entryOf = (key: string, name: PathKey): unknown => {
    const entries = sound[key];
    return isTable(entries) ? entries[String(name)] : undefined;
  };
  const standIn = (key: string, name: PathKey, part: PathKey): unknown => {
    if (key === "clients" && part === "auth") return { tokenSha256: sha256(`left out: ${name}`) };
    // A rule that does something else has no need to deny.
    const entry = entryOf(key, name);
    if (key === "rules" && part === "then" && isTable(entry)) {
      if (Object.hasOwn(entry, "ask")) return "ask";
      if (Object.keys(entry).some((each) => effects.has(each))) return undefined;
    }
    return standIns.get(`${key}.${part}`)?.(String(name));
  };
  for (const [key, name, part] of bad) {
    if (typeof key !== "string") continue;
    // Without a part of it, the rest of `admin` would have faults that nobody wrote.
    const isOne = key === "trustedProxies" || key === "admin";
    if (name === undefined || isOne || !isTable(sound[key])) delete sound[key];
    else if (key === "upstreams" || key === "clients" || key === "roles" || key === "rules") {
      const entry = entryOf(key, name);
      const isWhole = part === undefined || (key === "rules" && effects.has(String(part)));
      if (isWhole || !isTable(entry)) lost[key].add(String(name));
      else set(sound, key, name, withPart(entry, String(part), standIn(key, name, part)));
    } else if (key === "plugins") lost.plugins.add(String(name));
    else sound[key] = withPart(sound[key], String(name), undefined);
  }
  const indexes: Record<string, readonly number[]> = {};
  for (const key of ["upstreams", "clients", "roles", "rules", "plugins"] as const) {
    const entries = sound[key];
    if (Array.isArray(entries)) {
      const kept = [...entries.keys()].filter((index) => !lost[key].has(String(index)));
      indexes[key] = kept;
      sound[key] = kept.map((index): unknown => entries[index]);
    } else if (isTable(entries)) {
      const kept = Object.entries(entries).filter(([name]) => !lost[key].has(name));
      sound[key] = Object.fromEntries(kept);
    }
  }
  const leftOut = {
    upstreams: [...lost.upstreams],
    clients: [...lost.clients],
    roles: [...lost.roles],
    ruleIndexes: indexes["rules"] ?? [],
    pluginIndexes: indexes["plugins"] ?? [],
  };
  return { input: sound, leftOut };
}

function set(sound: Table, key: string, name: PathKey, entry: Table): void {
  const entries = sound[key];
  if (Array.isArray(entries)) sound[key] = entries.with(Number(name), entry);
  else if (isTable(entries)) sound[key] = { ...entries, [name]: entry };
}

function withPart(table: unknown, part: string, value: unknown): Table {
  const copy: Table = isTable(table) ? { ...table } : {};
  if (value === undefined) delete copy[part];
  else copy[part] = value;
  return copy;
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null;
}
