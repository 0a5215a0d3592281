/** What a plugin says of itself, against what the config gives it. */
import {
  type Finding,
  type PluginConfig,
  isNoName,
  isPattern,
  nameShape,
} from "../../config/index.ts";
import { compileLinear } from "../../core/index.ts";
import { compileSchema, parseJson } from "../../mcp/index.ts";
import type { PluginTraits } from "../face.ts";
import { isFetchOrigin } from "../host/grants.ts";

export interface PluginComplaints {
  /** In the plugin's own file. */
  readonly ofFile: readonly { readonly fault: string; readonly hint?: string }[];
  /** In the plugin's entry in the config; paths begin there. */
  readonly ofConfig: readonly Finding[];
}

/** All at once. */
export function checkPlugin(traits: PluginTraits, settings: PluginConfig): PluginComplaints {
  const fetch = checkFetch(traits, settings);
  const config = checkConfig(traits, settings);
  return {
    ofFile: [
      ...checkTraits(traits),
      ...checkMatch(traits),
      ...("fault" in fetch ? [fetch] : []),
      ...("fault" in config ? [config] : []),
    ],
    ofConfig: [
      ...checkKv(traits, settings),
      ...checkKeys(traits, settings),
      ...("findings" in fetch ? fetch.findings : []),
      ...("findings" in config ? config.findings : []),
    ],
  };
}

type OfFile = PluginComplaints["ofFile"][number];
type Checked = OfFile | { readonly findings: readonly Finding[] };

function checkTraits({ name, version, hooks }: PluginTraits): readonly OfFile[] {
  const faults: OfFile[] = [];
  if (!nameShape.test(name)) faults.push({ fault: `Its name: ${isNoName}` });
  if (!/^[\x21-\x7E]{1,64}$/.test(version)) {
    const fault = "Its version must be at most 64 visible characters";
    faults.push({ fault, hint: 'write version: "1.0.0"' });
  }
  if (hooks.length === 0) {
    const fault = "Has no hook, so it would do nothing";
    faults.push({ fault, hint: "write one, such as onToolCall" });
  }
  return faults;
}

function checkMatch({ match, hooks }: PluginTraits): readonly OfFile[] {
  const patterns = match.on ?? [];
  const faults = patterns
    .filter((pattern) => !isPattern(pattern))
    .map((pattern) => ({
      fault: `Its match.on has ${quoted(pattern)}, which is no pattern`,
      hint: 'write "upstream/name", where "*" stands for any run of characters',
    }));
  const unread = match.keys === true && !hooks.includes("onText");
  const empty = (["on", "methods"] as const).filter((key) => match[key]?.length === 0);
  return [
    ...faults,
    ...empty.map((key) => ({
      fault: `Its match.${key} is empty, so it is never asked`,
      hint: "leave it out for everything",
    })),
    ...(unread ? [{ fault: "Its match.keys is for onText, which it has not" }] : []),
  ];
}

/** An operator may keep keys from a plugin, and cannot have it look at what it does not ask for. */
function checkKeys({ match, name }: PluginTraits, settings: PluginConfig): readonly Finding[] {
  if (settings.match.keys !== true || match.keys === true) return [];
  return [unasked(["match", "keys"], `"${name}" does not ask for keys`)];
}

function checkKv({ permissions, name }: PluginTraits, settings: PluginConfig): readonly Finding[] {
  const [wanted, granted] = [permissions.kv, settings.grants.kv];
  const path = ["grants", "kv"];
  if (wanted === granted) return [];
  if (wanted === undefined) return [unasked(path, `"${name}" does not ask for kv`)];
  if (granted === "shared") {
    return [unasked(path, `"${name}" asks for kv: "client", and gets no more`)];
  }
  const message = `"${name}" asks for kv: "${wanted}", which is not granted`;
  const suggestion = `write grants: { kv: "${wanted}" } where it may keep state`;
  return [{ level: "error", path, message, suggestion }];
}

function checkFetch({ permissions, name }: PluginTraits, settings: PluginConfig): Checked {
  const wanted = permissions.fetch ?? [];
  const wrong = wanted.find((origin) => !isFetchOrigin(origin));
  if (wrong !== undefined) {
    const fault = `Asks for fetch to ${quoted(wrong)}, which is no origin`;
    return { fault, hint: 'write "https://api.example.com", without a path' };
  }
  const granted = (settings.grants.fetch ?? []).map(({ origin }) => origin);
  const path = ["grants", "fetch"];
  const missing = [...new Set(wanted)].filter((origin) => !granted.includes(origin));
  return {
    findings: [
      ...missing.map((origin): Finding => {
        const message = `"${name}" asks for fetch to "${origin}", which is not granted`;
        const suggestion = `write grants: { fetch: [{ origin: "${origin}" }] } where it may send`;
        return { level: "error", path, message, suggestion };
      }),
      ...granted.flatMap((origin, index) => {
        if (wanted.includes(origin)) return [];
        return [unasked([...path, index], `"${name}" does not ask for fetch to "${origin}"`)];
      }),
    ],
  };
}

function unasked(path: Finding["path"], message: string): Finding {
  return { level: "warning", path, message, suggestion: "leave it out" };
}

function checkConfig({ configSchema, name }: PluginTraits, settings: PluginConfig): Checked {
  if (configSchema === undefined) return { findings: [] };
  const parsed = parseJson(configSchema);
  const compiled = parsed.ok ? compileSchema(parsed.json, compileLinear) : { fault: parsed.fault };
  if ("fault" in compiled) {
    return { fault: `Its configSchema cannot be used: ${compiled.fault}` };
  }
  const faults = compiled.validate(settings.config ?? {});
  return {
    findings: faults.map(({ where, message }) => ({
      level: "error",
      path: ["config", ...where.split("/").slice(1).map(unescapePointer)],
      message: `${message.slice(0, 1).toUpperCase()}${message.slice(1)}, as "${name}" says`,
    })),
  };
}

function unescapePointer(part: string): string | number {
  const text = part.replaceAll("~1", "/").replaceAll("~0", "~");
  return /^(?:0|[1-9]\d{0,8})$/.test(text) ? Number(text) : text;
}

/** A file may hold anything. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
