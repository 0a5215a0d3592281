/** What one upstream lists now, against what is locked of it. */
import type { JsonObject } from "../mcp/index.ts";
import { hides } from "../sanitize/index.ts";
import {
  type Definition,
  type Flag,
  type Lock,
  type LockedTools,
  createFindRenamed,
  createFlagger,
  definitionOf,
} from "../upstreams/index.ts";
import { type Difference, diffJson } from "./lock-diff.ts";

export interface Changes {
  readonly tools: number;
  readonly new: readonly string[];
  readonly changed: readonly { readonly tool: string; readonly fields: readonly Difference[] }[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  readonly gone: readonly string[];
}
export type ToolFlag = Flag & { readonly tool: string };

export function compareTools(locked: LockedTools, listed: LockedTools): Changes {
  const findRenamed = createFindRenamed(listed.keys(), locked);
  const isNew = [...listed.keys()].filter((name) => !locked.has(name)).sort();
  const renamed = isNew.flatMap((to) => {
    const from = findRenamed(toJson(listed, to));
    return from === undefined ? [] : [{ from, to }];
  });
  const [froms, tos] = [
    new Set(renamed.map(({ from }) => from)),
    new Set(renamed.map(({ to }) => to)),
  ];
  const changed = [...listed].flatMap(([tool, { hash }]) => {
    const before = locked.get(tool);
    if (before === undefined || before.hash === hash) return [];
    return [{ tool, fields: diffJson(definitionOf(before), toJson(listed, tool)) }];
  });
  return {
    tools: listed.size,
    new: isNew.filter((name) => !tos.has(name)),
    changed: changed.sort((a, b) => (a.tool < b.tool ? -1 : 1)),
    renamed,
    gone: [...locked.keys()].filter((name) => !listed.has(name) && !froms.has(name)).sort(),
  };
}

export function isSame({ new: fresh, changed, renamed, gone }: Changes): boolean {
  return [fresh, changed, renamed, gone].every(({ length }) => length === 0);
}

/** Of one upstream of the lock; the others say which tools are not its own. */
export function flagsOf(upstream: string, lock: Lock): readonly ToolFlag[] {
  const find = createFlagger(upstream, lock, hides);
  return [...(lock.get(upstream) ?? [])].flatMap(([tool, definition]) =>
    find(definition).map((flag) => ({ tool, ...flag })),
  );
}

function toJson(tools: LockedTools, name: string): JsonObject {
  const found: Definition | undefined = tools.get(name);
  if (found === undefined) throw new Error(`There is no tool "${name}"`);
  return definitionOf(found);
}
