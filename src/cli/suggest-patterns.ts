/** Allow-lists from names: exact, or grouped by what many of them begin with. */
import { compileGlob } from "../core/index.ts";
import type { TargetKind } from "../mcp/index.ts";
import type { Names, Used } from "./suggest-collect.ts";

export interface AllowLists {
  readonly tools: readonly string[];
  readonly resources: readonly string[];
  readonly prompts: readonly string[];
}

/** `siblings` names that begin alike become one pattern; undefined: none do. */
export function toAllowLists({ names, refused }: Used, siblings: number | undefined): AllowLists {
  const list = (kind: TargetKind): readonly string[] =>
    toPatterns(kind, names[kind], refused?.[kind] ?? new Map(), refused && siblings);
  return { tools: list("tool"), resources: list("resource"), prompts: list("prompt") };
}

function toPatterns(
  kind: TargetKind,
  names: Names,
  refused: Names,
  siblings: number | undefined,
): readonly string[] {
  return [...names]
    .flatMap(([upstream, found]) => {
      const globs =
        siblings === undefined ? [] : groups(kind, found, refused.get(upstream) ?? none, siblings);
      const isCovered = toMatcher(globs);
      const single = [...found].filter((name) => !isCovered(name));
      return [...globs, ...single].map((glob) => `${upstream}/${glob}`);
    })
    .sort();
}

const none: ReadonlySet<string> = new Set();

/** Only what takes in nothing that the client was refused. */
function groups(
  kind: TargetKind,
  names: ReadonlySet<string>,
  refused: ReadonlySet<string>,
  siblings: number,
): readonly string[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    const start = startOf(kind, name);
    if (start !== undefined) counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  const globs = [...counts].filter(([, count]) => count >= siblings).map(([start]) => `${start}*`);
  const safe = globs.filter((glob) => {
    const matches = compileGlob(glob);
    return ![...refused].some(matches);
  });
  return safe.filter((glob) => !safe.some((other) => other !== glob && compileGlob(other)(glob)));
}

/** Up to the last separator: never a whole server, and of URIs never a scheme alone. */
function startOf(kind: TargetKind, name: string): string | undefined {
  const shape =
    kind === "resource"
      ? /^[^:]+:\/\/\/?[^/]+\/(?:.*\/)?(?=[^/])/s
      : /^.*[^_\-./:]{2}[_\-./:](?=.)/s;
  return shape.exec(name)?.[0];
}

function toMatcher(globs: readonly string[]): (name: string) => boolean {
  const tests = globs.map(compileGlob);
  return (name) => tests.some((matches) => matches(name));
}
