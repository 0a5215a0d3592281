/** A recorded exchange, and what a plugin said of it. */
import {
  type RecordedCall,
  type RecordedHit,
  type RecordedHits,
  readCall,
  readHits,
} from "../audit/index.ts";
import type { Files } from "../core/index.ts";
import type { Hook, PluginTraits } from "../sandbox/index.ts";

export interface RecordedExchange {
  readonly call: RecordedCall;
  readonly record: RecordedHits;
}
export interface Refused {
  readonly fault: string;
}

export async function findExchange(
  files: Pick<Files, "readLines">,
  path: string,
  id: string,
): Promise<RecordedExchange | undefined> {
  for await (const line of files.readLines(path)) {
    if (!line.includes(id)) continue;
    const call = readCall(line);
    if (typeof call !== "string" && call.id === id) return { call, record: readHits(line) };
  }
  return undefined;
}

/** What of the plugin it is about, where it said more than one thing. */
export interface Wanted {
  readonly hook?: Hook | undefined;
  readonly stage?: "consult" | "review" | undefined;
}
export interface Recorded {
  readonly traits: Pick<PluginTraits, "name" | "match">;
  /** Of its files, in lower-case hex. */
  readonly sha256: string;
}

/** A config may call a plugin as it likes, and its files change: one of both has to be the same. */
export function findHit(
  { record }: RecordedExchange,
  { traits, sha256 }: Recorded,
  { hook, stage }: Wanted,
): RecordedHit | Refused {
  const { hits } = record;
  const byFiles = hits.filter((hit) => hit.sha256 !== "" && sha256.startsWith(hit.sha256));
  const own = byFiles.length > 0 ? byFiles : hits.filter(({ name }) => name === traits.name);
  const found = own.filter(
    (hit) => (hook ?? hit.hook) === hit.hook && (stage ?? hit.stage) === hit.stage,
  );
  const [first] = found;
  if (first === undefined) {
    const said = (own.length > 0 ? own : hits).map(toName);
    const named = said.length === 0 ? "no plugin" : [...new Set(said)].join(", ");
    const where = [hook, stage].filter((word) => word !== undefined).join(" in ");
    const wanted = where === "" ? `"${traits.name}"` : `"${traits.name}" in ${where}`;
    return { fault: `The record does not name ${wanted}; it names ${named}` };
  }
  if (new Set(found.map((hit) => hit.hook)).size > 1) {
    const asked = [...new Set(found.map((hit) => hit.hook))].join(" and ");
    return { fault: `It was asked in ${asked} (--hook says which one)` };
  }
  if (new Set(found.map((hit) => hit.stage)).size > 1) {
    const fault = "It was asked about the request and about the answer";
    return { fault: `${fault} (--stage consult or --stage review says which one)` };
  }
  const times = found.reduce((sum, { count }) => sum + count, 0);
  if (times === 1) return first;
  return { fault: `It was asked ${times} times, and the record does not say what about each time` };
}

function toName({ name, hook }: RecordedHit): string {
  return `"${name}" in ${hook}`;
}
