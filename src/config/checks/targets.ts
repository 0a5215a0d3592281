/** Patterns: each speaks of an upstream that is there, and of resources as URIs are really sent. */
import { couldBeNormalUri, globsOverlap } from "../../core/index.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";

const kinds = ["tools", "resources", "prompts"] as const;
type Kind = (typeof kinds)[number];

interface Placed {
  readonly pattern: string;
  /** Undefined: the pattern speaks of every kind. */
  readonly kind: Kind | undefined;
  readonly path: readonly PathKey[];
}

export function checkTargets(checked: Checked): readonly Finding[] {
  const { config, rules } = checked;
  const findings: Finding[] = [];
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    for (const [index, uri] of (upstream.expose.resources ?? []).entries()) {
      const path = ["upstreams", name, "expose", "resources", index];
      if (!isNormalPattern(uri)) findings.push(notNormal(path));
    }
  }
  for (const key of ["clients", "roles"] as const) {
    for (const [name, { allow }] of Object.entries(config[key])) {
      findings.push(...byKind(allow, [key, name, "allow"]).flatMap((at) => check(at, checked)));
    }
  }
  for (const { rule, path } of rules) {
    const on = [...path, "on"];
    const placed =
      typeof rule.on === "string"
        ? [{ pattern: rule.on, kind: undefined, path: on }]
        : Array.isArray(rule.on)
          ? rule.on.map((pattern, index) => ({ pattern, kind: undefined, path: [...on, index] }))
          : byKind(rule.on, on);
    findings.push(...placed.flatMap((at) => check(at, checked)));
  }
  for (const { plugin, path } of checked.plugins) {
    const placed = (plugin.match.on ?? []).map((pattern, index) => ({
      pattern,
      kind: undefined,
      path: [...path, "match", "on", index],
    }));
    findings.push(...placed.flatMap((at) => check(at, checked)));
  }
  return findings;
}

function byKind(
  lists: { readonly [kind in Kind]?: readonly string[] | undefined },
  path: readonly PathKey[],
): readonly Placed[] {
  return kinds.flatMap((kind) =>
    (lists[kind] ?? []).map((pattern, index) => ({ pattern, kind, path: [...path, kind, index] })),
  );
}

function check({ pattern, kind, path }: Placed, checked: Checked): readonly Finding[] {
  if (pattern === "*") return [];
  const slash = pattern.indexOf("/");
  const name = pattern.slice(0, slash);
  const rest = pattern.slice(slash + 1);
  const meant = [...checked.upstreams].filter((known) => globsOverlap(pattern, `${known}/*`));
  if (meant.length === 0) {
    const message = `"${pattern}" names the unknown upstream "${name}"`;
    return [finding("error", path, message, suggest(name, checked.upstreams))];
  }
  if (kind === "resources" && !isNormalPattern(rest)) return [notNormal(path)];
  const upstream = checked.config.upstreams[name];
  const shown = kind === undefined ? undefined : upstream?.expose[kind];
  if (shown === undefined || shown.some((glob) => globsOverlap(glob, rest))) return [];
  return [finding("warning", path, `"${pattern}" matches nothing that "${name}" exposes`)];
}

/** A `*` may stand for anything; around it the text must be that of a normal URI. */
function isNormalPattern(uri: string): boolean {
  return couldBeNormalUri(uri.split(/\*+/));
}

function notNormal(path: readonly PathKey[]): Finding {
  const message = "Is not a URI in normal form, so it matches nothing";
  return finding(
    "error",
    path,
    message,
    "write the scheme and host in lower case, no dot segments",
  );
}
