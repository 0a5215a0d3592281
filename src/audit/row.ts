/** Records as a table that a person reads. */
import { cutText, toCell } from "./line-text.ts";
import { type AuditFields, isFields, parseFields, textField } from "./query.ts";

/** One cell per column of `columns`, safe for a terminal. */
export type AuditRow = readonly string[];

const columns = ["time (UTC)", "client", "call", "decision", "code", "ms", "redacted"] as const;
/** Rows that come later should fit under the first ones. */
const minWidths = [23, 12, 36, 9, 18, 8, 8];
const maxWidths = [23, 20, 60, 9, 20, 8, 8];
const rightAligned = new Set(["ms", "redacted"]);

/** A line that is no record gets a row that says so. */
export function toRow(line: string): AuditRow {
  const fields = parseFields(line);
  const cells =
    fields === undefined ? ["", "", `(no audit record) ${line}`, "", "", "", ""] : toCells(fields);
  return cells.map((cell, index) => toWidth(toCell(cell), maxWidths[index] ?? 20));
}

function toWidth(cell: string, width: number): string {
  return cell.length <= width ? cell : cutText(cell, width - 1);
}

function toCells(fields: AuditFields): string[] {
  const text = (name: string): string => textField(fields, name) ?? "";
  return [
    text("time").replace("T", " ").replace("Z", ""),
    text("client") || text("subject") || text("address"),
    toCall(fields),
    text("decision") || text("kind"),
    text("code"),
    typeof fields["ms"] === "number" ? fields["ms"].toFixed(1) : "",
    toRedacted(fields["redactions"]),
  ];
}

function toCall(fields: AuditFields): string {
  const upstream = textField(fields, "upstream");
  const target = textField(fields, "target");
  const name = [upstream, target].filter((part) => part !== undefined).join("/");
  const sum = typeof fields["count"] === "number" ? `× ${fields["count"]}` : "";
  return [textField(fields, "method") ?? "", name, sum].filter((part) => part !== "").join(" ");
}

function toRedacted(redactions: unknown): string {
  if (!Array.isArray(redactions)) return "";
  let sum = 0;
  for (const each of redactions as unknown[])
    if (isFields(each) && typeof each["count"] === "number") sum += each["count"];
  return sum === 0 ? "" : String(sum);
}

/** Widths that fit these rows, and the heads. */
export function toWidths(rows: readonly AuditRow[]): readonly number[] {
  return columns.map((head, index) =>
    Math.max(head.length, minWidths[index] ?? 0, ...rows.map((row) => row[index]?.length ?? 0)),
  );
}

export function formatRow(row: AuditRow, widths: readonly number[]): string {
  const cells = columns.map((head, index) => {
    const cell = row[index] ?? "";
    const width = widths[index] ?? 0;
    return rightAligned.has(head) ? cell.padStart(width) : cell.padEnd(width);
  });
  return cells.join("  ").trimEnd();
}

export const rowHeads: AuditRow = columns;
