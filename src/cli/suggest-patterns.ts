/** Allow-lists from names: exact, or grouped by what many of them begin with. */
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
      const starts =
        siblings === undefined
          ? none
          : groups(kind, found, refused.get(upstream) ?? none, siblings);
      const single = [...found].filter((name) => !startsIn(name).some((each) => starts.has(each)));
      const globs = [...starts].map((start) => `${start}*`);
      return [...globs, ...single].map((glob) => `${upstream}/${glob}`);
    })
    .sort();
}

const none: ReadonlySet<string> = new Set();

/** What enough names begin with; nothing that the client was refused begins so. */
function groups(
  kind: TargetKind,
  names: ReadonlySet<string>,
  refused: ReadonlySet<string>,
  siblings: number,
): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const name of names) {
    const start = startOf(kind, name);
    if (start !== undefined) counts.set(start, (counts.get(start) ?? 0) + 1);
  }
  const safe = new Set(
    [...counts].filter(([, count]) => count >= siblings).map(([start]) => start),
  );
  for (const name of refused) for (const start of startsIn(name)) safe.delete(start);
  const isOutermost = (start: string): boolean =>
    !startsIn(start).some((each) => each !== start && safe.has(each));
  return new Set([...safe].filter(isOutermost));
}

/** Up to the last separator: never a whole server, and of URIs never a scheme alone. */
function startOf(kind: TargetKind, name: string): string | undefined {
  const shape =
    kind === "resource"
      ? /^[^:]+:\/\/\/?[^/]+\/(?:.*\/)?(?=[^/])/s
      : /^.*[^_\-./:]{2}[_\-./:](?=.)/s;
  return shape.exec(name)?.[0];
}

/** All that a name begins with and that `startOf` could make of another: looked up, since both are many. */
function startsIn(name: string): readonly string[] {
  return [...name.matchAll(/[_\-./:]/g)].map(({ index }) => name.slice(0, index + 1));
}
