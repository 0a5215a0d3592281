/** What the audit commands print. */
import {
  type AuditFilter,
  createFilter,
  followLines,
  formatRow,
  parseFields,
  readLast,
  rowHeads,
  seqOf,
  toCell,
  toLineText,
  toRow,
  toWidths,
  type Verification,
  verifyAudit,
} from "../audit/index.ts";
import type { Clock, Crypto, Files } from "../core/index.ts";

/** What the commands need of the outside. */
export interface AuditGround {
  readonly files: Pick<Files, "readTail" | "readLines">;
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "sha256">;
  /** One line of the answer. */
  readonly print: (line: string) => void;
  /** One line about what went wrong. */
  readonly complain: (line: string) => void;
  /** `audit.file` of the config, resolved; undefined where that cannot be read (and it was said). */
  readonly auditFile: () => Promise<string | undefined>;
  /** Ends `--follow`. */
  readonly signal: AbortSignal;
  /** Keeps the process alive while `--follow` waits, which timers do not; gives the end of it. */
  readonly stayAlive: () => () => void;
}
/** 0 good, 1 the answer is no, 2 wrong usage. */
export type Found = 0 | 1 | 2;

/** How many rows a table waits for before it settles on its widths. */
const widthRows = 200;

export async function tailAudit(
  ground: AuditGround,
  path: string,
  options: { readonly count: number; readonly follow: boolean; readonly json: boolean },
): Promise<Found> {
  const lines = await readLast(ground.files, path, options.count);
  if (lines === undefined && !options.follow) return missing(ground, path);
  const table = createTable(ground, options.json);
  for (const line of lines ?? []) table.add(line);
  table.flush();
  if (!options.follow) return 0;
  const newest = (await readLast(ground.files, path, 1))?.[0];
  const last = seqOf(lines?.findLast((line) => seqOf(line) !== undefined)) ?? seqOf(newest) ?? 0;
  const rest = ground.stayAlive();
  for await (const line of followLines(ground, path, last, ground.signal)) {
    table.add(line);
    table.flush();
  }
  rest();
  return 0;
}

export async function queryAudit(
  ground: AuditGround,
  path: string,
  options: { readonly filter: AuditFilter; readonly limit: number; readonly json: boolean },
): Promise<Found> {
  if (await isMissing(ground, path)) return missing(ground, path);
  const fits = createFilter(options.filter);
  const table = createTable(ground, options.json);
  let left = options.limit;
  for await (const line of ground.files.readLines(path)) {
    if (left <= 0) break;
    const fields = parseFields(line);
    if (fields === undefined || !fits(fields)) continue;
    table.add(line);
    left--;
  }
  table.flush();
  if (left === options.limit && !options.json) ground.complain("No record fits");
  return 0;
}

export async function verifyFile(
  ground: AuditGround,
  path: string,
  options: { readonly json: boolean },
): Promise<Found> {
  if (await isMissing(ground, path)) return missing(ground, path);
  const result = await verifyAudit(ground.files.readLines(path), ground.crypto);
  if (options.json) ground.print(JSON.stringify({ file: path, ...result }));
  else for (const line of toReport(path, result)) ground.print(line);
  return result.ok ? 0 : 1;
}

function toReport(path: string, result: Verification): string[] {
  const { records, fault, from, to } = result;
  const span = from === undefined || to === undefined ? "" : ` from ${from} to ${to}`;
  const file = toCell(path);
  const lines =
    fault === undefined
      ? [`${file}: ${count(records, "record")}${span}, none changed, none missing`]
      : [
          `${file}, line ${fault.line}: ${fault.message}`,
          `${count(records, "record")}${span} before it hold`,
        ];
  if (result.forgotten > 0)
    lines.push(`${count(result.forgotten, "record")} without the personal part, which was blanked`);
  if (result.cutLines > 0)
    lines.push(
      `${count(result.cutLines, "line")} cut short by a crash; no record is missing there`,
    );
  if (result.endsCut)
    lines.push(
      "The last line is cut short: a crash, or a record that is being written; this is no tampering",
    );
  return lines;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

interface Table {
  readonly add: (line: string) => void;
  readonly flush: () => void;
}

/** Prints rows under heads, or with `json` the records as they are in the file. */
function createTable({ print }: AuditGround, json: boolean): Table {
  let waiting: ReturnType<typeof toRow>[] = [];
  let widths: readonly number[] | undefined;

  function flush(): void {
    if (waiting.length === 0) return;
    if (widths === undefined) {
      widths = toWidths(waiting);
      print(formatRow(rowHeads, widths));
    }
    for (const row of waiting) print(formatRow(row, widths));
    waiting = [];
  }

  function add(line: string): void {
    if (json) {
      if (parseFields(line) !== undefined) print(toLineText(line));
      return;
    }
    waiting.push(toRow(line));
    if (waiting.length >= widthRows) flush();
  }
  return { add, flush };
}

async function isMissing(ground: AuditGround, path: string): Promise<boolean> {
  return (await ground.files.readTail(path, 1)) === undefined;
}

function missing(ground: AuditGround, path: string): 2 {
  ground.complain(
    `Cannot read "${toCell(path)}": there is no such file (nothing is recorded there yet, or --file FILE names another)`,
  );
  return 2;
}

const readFaults = new Map([
  ["EISDIR", "it is a folder"],
  ["ENOTDIR", "its folder is a file"],
  ["EACCES", "this user may not read it"],
  ["EPERM", "this user may not read it"],
]);

/** Undefined where the error is not about the file. */
export function toReadFault(path: string, error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const why = readFaults.get(String(error.code));
  return why === undefined ? undefined : `Cannot read "${toCell(path)}": ${why}`;
}
