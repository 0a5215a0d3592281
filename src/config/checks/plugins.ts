/** Plugins: told apart, granted what can be granted, and asked about something that there is. */
import { compileGlob } from "../../core/index.ts";
import { methods } from "../../mcp/index.ts";
import { isLoopbackHost } from "../address.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { JsonValue } from "../json-value.ts";
import { resolvePath } from "../path.ts";
import type { FetchGrantConfig } from "../schema.ts";
import { isSecretRef } from "../secret.ts";
import { suggest } from "../suggest.ts";
import { checkHeader } from "./headers.ts";
import type { Checked } from "./subject.ts";

type Path = readonly PathKey[];
type Placed = Checked["plugins"][number];

/** Of the request itself: a config that sets them breaks it. */
const ownHeaders =
  /^(connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;
const maxConfigBytes = 262_144;

export function checkPlugins({ plugins }: Checked): readonly Finding[] {
  return [
    ...checkNames(plugins),
    ...plugins.flatMap(({ plugin, path }) => [
      ...checkConfig(plugin.config, [...path, "config"]),
      ...checkFetch(plugin.grants.fetch ?? [], [...path, "grants", "fetch"]),
      ...checkMethods(plugin.match.methods ?? [], [...path, "match", "methods"]),
      ...checkOnError(plugin.onError, plugin.mode, [...path, "onError"]),
    ]),
  ];
}

/** State and records go by the name, and two entries of one file would have the same. */
function checkNames(plugins: readonly Placed[]): readonly Finding[] {
  const known = new Map<string, Path>();
  return plugins.flatMap(({ plugin: { use, name }, path }) => {
    const id = name === undefined ? `file ${resolvePath("/", use)}` : `name ${name}`;
    const other = known.get(id);
    if (other === undefined) {
      known.set(id, path);
      return [];
    }
    if (name !== undefined) {
      const message = `Is the name of plugins[${other.at(-1)}] too`;
      return [finding("error", [...path, "name"], message)];
    }
    const message = `Is the file of plugins[${other.at(-1)}] too, so both have one name`;
    return [finding("error", [...path, "use"], message, 'give one of them a name: "…" of its own')];
  });
}

function checkConfig(config: unknown, path: Path): readonly Finding[] {
  if (config === undefined) return [];
  const { length } = new TextEncoder().encode(JSON.stringify(config));
  if (length > maxConfigBytes) {
    return [finding("error", path, `Must be at most ${maxConfigBytes} bytes, is ${length}`)];
  }
  return findSecrets(config as JsonValue, path).map((at) =>
    finding(
      "error",
      at,
      "A plugin gets no secret, since anybody's code could send it on",
      'write grants: { fetch: [{ origin, headers: { authorization: secret("NAME") } }] }',
    ),
  );
}

function findSecrets(value: JsonValue, path: Path): readonly Path[] {
  if (isSecretRef(value)) return [path];
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).flatMap((item, index) =>
      findSecrets(item, [...path, index]),
    );
  }
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => findSecrets(item, [...path, key]));
}

function checkFetch(granted: readonly FetchGrantConfig[], path: Path): readonly Finding[] {
  const known = new Set<string>();
  return granted.flatMap(({ origin, headers }, index) => {
    const at = [...path, index];
    const findings = Object.entries(headers).flatMap(([name, value]) =>
      checkHeader(name, value, ownHeaders, [...at, "headers", name]),
    );
    const fault = originFault(origin);
    if (fault !== undefined) {
      findings.push(finding("error", [...at, "origin"], fault.message, fault.hint));
    } else if (known.has(origin)) {
      findings.push(finding("error", [...at, "origin"], "Is listed twice"));
    }
    known.add(origin);
    return findings;
  });
}

/**
 * A name on plain http is whatever the network says it is, so that its answers and the headers added
 * here are anybody's; an address of this machine leaves it on no wire.
 */
function originFault(origin: string): { message: string; hint?: string } | undefined {
  const message = "Must be an origin such as https://api.example.com";
  if (origin.includes("*")) return { message: `${message}, and "*" stands for nothing here` };
  if (!URL.canParse(origin)) return { message };
  const url = new URL(origin);
  if (url.username !== "" || url.password !== "") {
    return { message, hint: 'write headers: { authorization: secret("NAME") }' };
  }
  const isLoopback = isLoopbackHost(url.hostname) && url.hostname !== "localhost";
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback)) {
    const isHttp = url.protocol === "http:";
    return {
      message: "Must begin with https://, and with http:// for an address such as 127.0.0.1 alone",
      ...(isHttp ? { hint: `write "https://${url.host}"` } : {}),
    };
  }
  return url.origin === origin ? undefined : { message, hint: `write "${url.origin}"` };
}

function checkMethods(patterns: readonly string[], path: Path): readonly Finding[] {
  const known = [...methods.keys()];
  return patterns.flatMap((pattern, index) => {
    if (known.some(compileGlob(pattern))) return [];
    const message = `"${pattern}" is no method that is known here, so it matches nothing`;
    return [finding("warning", [...path, index], message, suggest(pattern, known))];
  });
}

function checkOnError(
  onError: "deny" | "allow",
  mode: "enforce" | "shadow",
  path: Path,
): readonly Finding[] {
  if (onError === "deny" || mode === "shadow") return [];
  const message = "What this plugin fails on passes: whoever can make it fail gets past it";
  return [finding("warning", path, message, 'leave it out for "deny"')];
}
