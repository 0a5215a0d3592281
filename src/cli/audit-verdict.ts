/** What `audit verify` says of one file. */
import { toCell, type Verification } from "../audit/index.ts";

export function toVerdict(path: string, result: Verification): readonly string[] {
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
      `${count(result.cutLines, "line")} cut short by a crash or a full disk; the chain goes on behind, no record is missing there`,
    );
  if (result.endsCut)
    lines.push(
      "The last line is cut short: a crash, a full disk, or a record that is being written; this alone is no tampering",
    );
  if (result.unstopped > 0)
    lines.push(
      `${count(result.unstopped, "run")} ended without its "stop" record: it crashed, or records were taken off the end then, which the chain cannot tell`,
    );
  if (result.isOpen && fault === undefined)
    lines.push(
      'The last record is no "stop": the gateway runs, or it crashed, or records were taken off the end, which the chain cannot tell',
    );
  return lines;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
