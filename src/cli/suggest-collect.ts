/** Gathers from recorded calls which names each client used, and which it was refused. */
import type { RecordedCall } from "../audit/index.ts";
import { compileGlob, templateToGlob } from "../core/index.ts";
import { type TargetKind, methods } from "../mcp/index.ts";
import { kindsOf } from "./replay-decide.ts";
import type { Settled } from "./replay-recorded.ts";

/** By upstream, the upstream's own names. */
export type Names = ReadonlyMap<string, ReadonlySet<string>>;
export interface Used {
  /** How many calls the policy let pass. */
  readonly calls: number;
  readonly names: { readonly [kind in TargetKind]: Names };
  /** What the policy refused; undefined where that was more than is kept. */
  readonly refused: { readonly [kind in TargetKind]: Names } | undefined;
  /** Templates that were completed, with how often. */
  readonly templates: ReadonlyMap<string, ReadonlyMap<string, number>>;
}
export interface LeftOut {
  readonly client: string;
  readonly upstream: string | undefined;
  readonly target: string | undefined;
  readonly why: string;
}
export interface Collected {
  /** By client. */
  readonly used: ReadonlyMap<string, Used>;
  /** Calls that passed, and whose names no list can hold. */
  readonly leftOut: number;
  /** The first of them. */
  readonly examples: readonly LeftOut[];
}
export interface Collector {
  readonly add: (call: RecordedCall, settled: Settled) => void;
  readonly close: () => Collected;
}

/** Of all clients together, so that a recording of many names takes no more memory than this. */
const maxNames = 100_000;
const maxClients = 10_000;
/** Each is held against all names that were read. */
const maxTemplates = 1_000;
const maxExamples = 50;
/** Of a pattern, with its upstream. */
const maxPattern = 1_024;

type Gathered = { readonly [kind in TargetKind]: Map<string, Set<string>> };
interface Gathering {
  calls: number;
  readonly names: Gathered;
  readonly refused: Gathered;
  readonly templates: Map<string, Map<string, number>>;
}

export function createCollector(): Collector {
  const used = new Map<string, Gathering>();
  const examples: LeftOut[] = [];
  let leftOut = 0;
  // Apart, so that whoever is refused a lot takes no room from what passed.
  const kept = { passed: 0, refused: 0, templates: 0 };

  function put(
    names: Map<string, Set<string>>,
    upstream: string,
    name: string,
    room: "passed" | "refused",
  ): boolean {
    if (names.get(upstream)?.has(name) === true) return true;
    if (++kept[room] > maxNames) return false;
    at(names, upstream, newSet).add(name);
    return true;
  }

  function putTemplate(
    { templates }: Gathering,
    upstream: string,
    template: string,
    count: number,
  ) {
    const before = templates.get(upstream)?.get(template);
    if (before === undefined && ++kept.templates > maxTemplates) return false;
    at(templates, upstream, () => new Map<string, number>()).set(template, (before ?? 0) + count);
    return true;
  }

  function leaveOut(example: LeftOut, count: number): void {
    leftOut += count;
    if (examples.length < maxExamples) examples.push(example);
  }

  return {
    add: (call, { code }) => {
      const { client = "", method = "", upstream = "", target = "", count } = call;
      const isRefused = code !== undefined && code !== "APPROVAL_REQUIRED";
      const example = { client, upstream: call.upstream, target: call.target };
      if (!used.has(client) && used.size >= maxClients) {
        if (isRefused) return;
        leaveOut({ ...example, why: `there are more than ${maxClients} clients` }, count);
        return;
      }
      const of = at(used, client, gather);
      const fault = whyNot(call);
      const kinds = fault === undefined ? kindsOf(method, target) : [];
      if (isRefused) {
        if (code !== "POLICY_DENIED") return;
        for (const kind of kinds) put(of.refused[kind], upstream, target, "refused");
        return;
      }
      of.calls += count;
      const isTemplate = methods.get(method)?.does.what === "complete" && target.includes("{");
      const isKept = kinds.every((kind) =>
        kind === "resource" && isTemplate
          ? putTemplate(of, upstream, target, count)
          : put(of.names[kind], upstream, target, "passed"),
      );
      if (fault === undefined && isKept) return;
      const limit = isTemplate ? `${maxTemplates} templates` : `${maxNames} names`;
      const why = fault ?? `there are more than ${limit}`;
      leaveOut({ ...example, why }, count);
    },
    close: () => {
      for (const [client, { names, templates }] of used) {
        for (const [upstream, found] of templates) {
          for (const [target, count] of found) {
            if (isMet(names.resource.get(upstream), target)) continue;
            leaveOut({ client, upstream, target, why: unmet }, count);
          }
        }
      }
      const isWhole = kept.refused <= maxNames;
      const all = [...used].map(([client, of]): [string, Used] => [
        client,
        isWhole ? of : { ...of, refused: undefined },
      ]);
      return { used: new Map(all), leftOut, examples };
    },
  };
}

/** A pattern that meets a template lets read what it names, and that is not for a caller to choose. */
const unmet = "nothing that the template leads to was read";

function isMet(uris: ReadonlySet<string> | undefined, template: string): boolean {
  const matches = compileGlob(templateToGlob(template));
  return [...(uris ?? [])].some(matches);
}

function at<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

function newSet(): Set<string> {
  return new Set();
}

function gather(): Gathering {
  const names = (): Gathered => ({ tool: new Map(), resource: new Map(), prompt: new Map() });
  return { calls: 0, names: names(), refused: names(), templates: new Map() };
}

/** Why no pattern can name exactly this. */
function whyNot({ upstream, target, isNamed }: RecordedCall): string | undefined {
  if (upstream === undefined || target === undefined || target === "") {
    return "its target is not recorded";
  }
  if (!isNamed) return "its target is not recorded whole";
  // As a pattern it would allow more than was called, of the caller's choice.
  if (target.includes("*")) return 'its name holds a "*"';
  return upstream.length + 1 + target.length > maxPattern ? "its name is too long" : undefined;
}
