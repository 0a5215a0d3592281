/** Reads several audit files as one, in the order in which the records were written. */
import type { Files } from "../core/index.ts";
import { type AuditFields, parseFields, textField } from "./query.ts";

export interface FoundRecord {
  readonly line: string;
  readonly fields: AuditFields;
}

/** A file with the record that is its turn; it is opened when that comes. */
interface Source {
  head: FoundRecord;
  readonly path: string;
  rest: AsyncIterator<FoundRecord> | undefined;
}

/**
 * The records of all files, each file in its own order; what is no record is left out. Holds one
 * record of each file, and open only those that are read at the moment.
 */
export async function* mergeRecords(
  files: Pick<Files, "readLines">,
  paths: readonly string[],
): AsyncIterable<FoundRecord> {
  const sources: Source[] = [];
  for (const path of paths) {
    for await (const head of readRecords(files, path)) {
      sources.push({ path, head, rest: undefined });
      break;
    }
  }
  try {
    for (;;) {
      const source = earliest(sources);
      if (source === undefined) return;
      yield source.head;
      source.rest ??= await openBehind(files, source);
      const next = await source.rest.next();
      if (next.done === true) sources.splice(sources.indexOf(source), 1);
      else source.head = next.value;
    }
  } finally {
    for (const { rest } of sources) await rest?.return?.();
  }
}

async function* readRecords(
  files: Pick<Files, "readLines">,
  path: string,
): AsyncGenerator<FoundRecord> {
  for await (const line of files.readLines(path)) {
    const fields = parseFields(line);
    if (fields !== undefined) yield { line, fields };
  }
}

/** The head was read already. */
async function openBehind(
  files: Pick<Files, "readLines">,
  { path }: Source,
): Promise<AsyncIterator<FoundRecord>> {
  const records = readRecords(files, path);
  await records.next();
  return records;
}

function earliest(sources: readonly Source[]): Source | undefined {
  let first: Source | undefined;
  for (const source of sources)
    if (first === undefined || compareRecords(source.head.fields, first.head.fields) < 0)
      first = source;
  return first;
}

/** The same for lines that were read already; what is no record stays behind the line before it. */
export function mergeLines(lists: readonly (readonly string[])[]): readonly string[] {
  const places = lists.flatMap((lines) => {
    let place = { end: -Infinity, instance: "" };
    return lines.map((line) => {
      const fields = parseFields(line);
      // Of one file the order is kept, though its records need not end in that of their times.
      if (fields !== undefined)
        place = { end: Math.max(place.end, endOf(fields)), instance: instanceOf(fields) };
      return { ...place, line };
    });
  });
  return places.sort(comparePlaces).map(({ line }) => line);
}

function compareRecords(a: AuditFields, b: AuditFields): number {
  const place = (fields: AuditFields): Place => ({
    end: endOf(fields),
    instance: instanceOf(fields),
  });
  return comparePlaces(place(a), place(b)) || Number(a["seq"]) - Number(b["seq"]);
}

interface Place {
  readonly end: number;
  readonly instance: string;
}

function comparePlaces(a: Place, b: Place): number {
  if (a.end !== b.end) return a.end < b.end ? -1 : 1;
  if (a.instance !== b.instance) return a.instance < b.instance ? -1 : 1;
  return 0;
}

/** When it was written, which is when what it tells of was over. */
function endOf(fields: AuditFields): number {
  const time = Date.parse(textField(fields, "time") ?? "");
  const ms = fields["ms"];
  // A record without a time goes at once, so that it holds nothing up.
  return Number.isNaN(time) ? -Infinity : time + (typeof ms === "number" ? ms : 0);
}

function instanceOf(fields: AuditFields): string {
  return textField(fields, "instance") ?? "";
}
