/** What the audit commands print. */
import {
  type AuditFilter,
  createFilter,
  followLines,
  formatRow,
  mergeRecords,
  parseFields,
  readNewest,
  rowHeads,
  toCell,
  toLineText,
  toRow,
  toWidths,
  verifyAudit,
} from "../audit/index.ts";
import type { Clock, Crypto, Files } from "../core/index.ts";
import type { AuditFiles } from "./audit-files.ts";
import { toVerdict } from "./audit-verdict.ts";

/** What the commands need of the outside. */
export interface AuditGround {
  readonly files: Pick<Files, "readTail" | "readLines" | "list">;
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
  record: AuditFiles,
  options: { readonly count: number; readonly follow: boolean; readonly json: boolean },
): Promise<Found> {
  const paths = await record.list();
  if (paths.length === 0 && !options.follow) return missing(ground, record);
  const { lines, ends } = await readNewest(ground.files, paths, options.count);
  const table = createTable(ground, options.json);
  for (const line of lines) table.add(line);
  table.flush();
  if (!options.follow) return 0;
  const rest = ground.stayAlive();
  for await (const line of followLines(ground, record.list, ends, ground.signal)) {
    table.add(line);
    table.flush();
  }
  rest();
  return 0;
}

export async function queryAudit(
  ground: AuditGround,
  record: AuditFiles,
  options: { readonly filter: AuditFilter; readonly limit: number; readonly json: boolean },
): Promise<Found> {
  const paths = await record.list();
  if (paths.length === 0) return missing(ground, record);
  const fits = createFilter(options.filter);
  const table = createTable(ground, options.json);
  let left = options.limit;
  for await (const { line, fields } of mergeRecords(ground.files, paths)) {
    if (left <= 0) break;
    if (!fits(fields)) continue;
    table.add(line);
    left--;
  }
  table.flush();
  if (left === options.limit && !options.json) ground.complain("No record fits");
  return 0;
}

/** Each file is a chain of its own, and has its own verdict. */
export async function verifyFiles(
  ground: AuditGround,
  record: AuditFiles,
  options: { readonly json: boolean },
): Promise<Found> {
  const paths = await record.list();
  if (paths.length === 0) return missing(ground, record);
  let isGood = true;
  for (const path of paths) {
    const result = await verifyAudit(ground.files.readLines(path), ground.crypto);
    if (options.json) ground.print(JSON.stringify({ file: path, ...result }));
    else for (const line of toVerdict(path, result)) ground.print(line);
    isGood &&= result.ok;
  }
  return isGood ? 0 : 1;
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

function missing(ground: AuditGround, { file }: AuditFiles): 2 {
  ground.complain(
    `Cannot read "${toCell(file)}": there is no such file (nothing is recorded there yet, or --file FILE names another)`,
  );
  return 2;
}
