/** What policies are asked about: the tools that locks know, and each pattern for all that is not known. */
import type { Config } from "../config/index.ts";
import { compileGlob, globsOverlap, isNormalUri } from "../core/index.ts";
import type { TargetKind } from "../mcp/index.ts";
import { patternsFor, toKinds, toTargets } from "../policy/index.ts";
import type { Lock } from "../upstreams/index.ts";

export interface Target {
  readonly kind: TargetKind;
  readonly upstream: string;
  /** A name, or a glob of this upstream's names. */
  readonly name: string;
  /** A name that stands for all that the glob matches and no other pattern speaks of. */
  readonly example: string;
  /** Where it comes from: the lock, an allow pattern, or what else the config says. */
  readonly from: "lock" | "allow" | "config";
}

const kinds: readonly TargetKind[] = ["tool", "resource", "prompt"];

/** Each target once, what is locked first. */
export function collectTargets(
  configs: readonly Config[],
  locks: readonly Lock[],
): readonly Target[] {
  const upstreams = new Set(configs.flatMap((config) => Object.keys(config.upstreams)));
  return [...upstreams].flatMap((upstream) =>
    kinds.flatMap((kind) => targetsOf(configs, locks, upstream, kind)),
  );
}

export function targetText({ upstream, name }: Target): string {
  return `${upstream}/${name}`;
}

function targetsOf(
  configs: readonly Config[],
  locks: readonly Lock[],
  upstream: string,
  kind: TargetKind,
): readonly Target[] {
  const found = new Map<string, Target["from"]>();
  const add = (names: Iterable<string>, from: Target["from"]): void => {
    for (const name of names) if (!found.has(name)) found.set(name, from);
  };
  if (kind === "tool") for (const lock of locks) add(lock.get(upstream)?.keys() ?? [], "lock");
  for (const config of configs) add(allowed(config, upstream, kind), "allow");
  for (const config of configs) add(mentioned(config, upstream, kind), "config");
  const globs = [...found].filter(([, from]) => from !== "lock").map(([name]) => name);
  add(crossings(globs), "config");
  return [...found].flatMap(([name, from]): Target[] => {
    const example = toExample(kind, name);
    return example === undefined ? [] : [{ kind, upstream, name, example, from }];
  });
}

function allowed(config: Config, upstream: string, kind: TargetKind): readonly string[] {
  const holders = [...Object.values(config.clients), ...Object.values(config.roles)];
  return globsOf(
    upstream,
    holders.flatMap(({ allow }) => toKinds(allow)[kind]),
  );
}

function mentioned(config: Config, upstream: string, kind: TargetKind): readonly string[] {
  const rules = config.rules.flatMap(({ on }) => toTargets(on)[kind]);
  const exposed = toKinds(config.upstreams[upstream]?.expose ?? {})[kind];
  return [...globsOf(upstream, rules), ...exposed];
}

function globsOf(upstream: string, patterns: readonly string[]): readonly string[] {
  return patternsFor(upstream, patterns).map(({ glob }) => glob);
}

/** Where two globs meet and neither covers the other: a rule on `*_admin` cuts `get_*` in part. */
function crossings(globs: readonly string[]): readonly string[] {
  const covers = new Map(globs.map((glob) => [glob, compileGlob(glob)]));
  return globs.flatMap((a, index) =>
    globs.slice(index + 1).flatMap((b) => {
      const isCovered = covers.get(a)?.(b) === true || covers.get(b)?.(a) === true;
      const met = isCovered || !globsOverlap(a, b) ? undefined : crossing(a, b);
      return met === undefined ? [] : [met];
    }),
  );
}

/** A glob of what both match: not of all of it, since that may take several. */
export function crossing(a: string, b: string): string | undefined {
  const dead = new Set<number>();
  const from = (i: number, j: number): string | undefined => {
    if (i === a.length && j === b.length) return "";
    const place = i * (b.length + 1) + j;
    if (dead.has(place)) return undefined;
    const met = step(i, j);
    if (met === undefined) dead.add(place);
    return met;
  };
  const then = (start: string, rest: string | undefined): string | undefined =>
    rest === undefined ? undefined : start + rest;
  const step = (i: number, j: number): string | undefined => {
    const [one, other] = [a[i], b[j]];
    if (one === "*" && other === "*") {
      return then("*", from(i + 1, j)) ?? then("*", from(i, j + 1));
    }
    // What both say in full comes first, so that what is left to any text stays as much as can be.
    if (one === "*") {
      const taken = other === undefined ? undefined : then(other, from(i, j + 1));
      return taken ?? from(i + 1, j);
    }
    if (other === "*") {
      const taken = one === undefined ? undefined : then(one, from(i + 1, j));
      return taken ?? from(i, j + 1);
    }
    return one !== undefined && one === other ? then(one, from(i + 1, j + 1)) : undefined;
  };
  return from(0, 0)?.replaceAll(/\*+/g, "*");
}

/** Nothing that a config names on purpose. */
const anything = "0any0thing0";
const fillings = [
  ...["", "/", "//", "///"].map((start) => `${start}${anything}`),
  `${anything}/${anything}`,
];

/** Undefined where no URI in normal form matches. */
function toExample(kind: TargetKind, glob: string): string | undefined {
  if (!glob.includes("*")) return glob;
  if (kind !== "resource") return glob.replaceAll(/\*+/g, anything);
  const [start = "", ...rest] = glob.split(/\*+/);
  const scheme = start === "" ? ["x-any:", ""] : [""];
  for (const before of scheme) {
    for (const first of fillings) {
      const uri = rest.reduce(
        (made, piece, gap) => made + (gap === 0 ? before + first : anything) + piece,
        start,
      );
      if (isNormalUri(uri)) return uri;
    }
  }
  return undefined;
}
