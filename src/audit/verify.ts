/** Follows the chain of an audit file from its first record to its last. */
import type { Crypto } from "../core/index.ts";
import { stringOf, member } from "../mcp/index.ts";
import { type ChainEnd, emptyChain } from "./chain.ts";
import { toCell } from "./line-text.ts";
import { checkRecord, isStartOf, readRecord, type RecordLine } from "./read-record.ts";

export interface Verification {
  readonly ok: boolean;
  readonly records: number;
  /** Times of the first and the last record. */
  readonly from?: string;
  readonly to?: string;
  /** Records whose personal part was blanked. */
  readonly forgotten: number;
  /** Lines that a crash or a full disk cut short; the chain passes them over whole. */
  readonly cutLines: number;
  /** The last line was cut short; the next start continues after it. */
  readonly endsCut: boolean;
  /** Runs that another one followed without their "stop" record. */
  readonly unstopped: number;
  /** The last record is no "stop". */
  readonly isOpen: boolean;
  /** The first line that does not hold. */
  readonly fault?: { readonly line: number; readonly message: string };
}

/** Reads line by line and keeps none; stops at the first fault. */
export async function verifyAudit(
  lines: AsyncIterable<string>,
  crypto: Pick<Crypto, "sha256">,
): Promise<Verification> {
  let last: ChainEnd = emptyChain;
  let number = 0;
  let forgotten = 0;
  let cutLines = 0;
  let endsCut = false;
  let unstopped = 0;
  let isOpen = false;
  let from: string | undefined;
  let to: string | undefined;

  const result = (message?: string): Verification => ({
    ok: message === undefined,
    records: last.seq,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    forgotten,
    cutLines: endsCut ? cutLines - 1 : cutLines,
    endsCut,
    unstopped,
    isOpen,
    ...(message === undefined ? {} : { fault: { line: number, message } }),
  });

  for await (const line of lines) {
    number++;
    const record = readRecord(line);
    endsCut = false;
    if (record === "cut") {
      if (!isStartOf(line, last.seq + 1))
        return result(`The line is cut short, and is no start of record ${last.seq + 1}`);
      endsCut = true;
      cutLines++;
      continue;
    }
    if (record === "unreadable") return result("The line was changed: it is not JSON any more");
    if (record === "foreign") return result("The line is no audit record");
    const state = checkRecord(record, crypto);
    const fault = state === "changed" ? changed(record) : place(record, last);
    if (fault !== undefined) return result(fault);
    if (state === "personal-changed")
      return result(
        `The personal part of record ${record.seq} (subject, address or values) was changed after it was written`,
      );
    if (state === "forgotten") forgotten++;
    last = record;
    const kind = stringOf(member(record.json, "kind"));
    if (isOpen && kind === "start") unstopped++;
    isOpen = kind !== "stop";
    to = timeOf(record);
    from ??= to;
  }
  return result();
}

function changed(record: RecordLine): string {
  return `Record ${record.seq} was changed after it was written: its hash does not fit`;
}

function place(record: RecordLine, last: ChainEnd): string | undefined {
  const { seq, prev } = record;
  const next = last.seq + 1;
  if (seq > next)
    return `${seq === next + 1 ? `Record ${next} is` : `Records ${next} to ${seq - 1} are`} missing before record ${seq}`;
  if (seq < next) return `Record ${seq} stands where record ${next} belongs`;
  if (prev === last.hash) return undefined;
  return last.seq === 0
    ? `The chain is broken: record ${seq} names a record before it, but it is the first`
    : `The chain is broken: record ${seq} does not name record ${last.seq} as the one before it`;
}

function timeOf(record: RecordLine): string | undefined {
  const time = stringOf(member(record.json, "time"));
  return time === undefined ? undefined : toCell(time);
}
