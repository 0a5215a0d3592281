/** What happened: the record, its chain, and how it is read again. */
export type {
  Audit,
  AuditDecision,
  AuditEntry,
  AuditRule,
  Reservation,
  StrangerEntry,
} from "./entry.ts";
export { toCell, toLineText } from "./line-text.ts";
export { type AuditFile, type AuditOptions, type AuditView, openAudit } from "./open-audit.ts";
export { mergeRecords } from "./merge.ts";
export {
  type AuditFields,
  type AuditFilter,
  createFilter,
  parseFields,
  parseMoment,
} from "./query.ts";
export { type RecordedCall, readCall } from "./read-call.ts";
export { type RecordedHit, type RecordedHits, readHits } from "./read-hits.ts";
export type { Missing } from "./read-value.ts";
export { type AuditRow, formatRow, rowHeads, toRow, toWidths } from "./row.ts";
export { followLines, type KnownEnds, readNewest } from "./tail.ts";
export { type Verification, verifyAudit } from "./verify.ts";
