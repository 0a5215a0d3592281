/** Who signs. */
export { type Approvals, type ApprovalsPorts, openApprovals } from "./approvals.ts";
export type { PendingAnswer, PendingWish } from "./pending.ts";
export type { Ticket } from "./ticket.ts";
export { type Announcer, type AnnouncerPorts, createAnnouncer } from "./webhook.ts";
export { cutArgs, toWording, writeOut } from "./wording.ts";
