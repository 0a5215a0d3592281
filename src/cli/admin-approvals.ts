/** Calls that wait as the admin listener tells of them. */
import { type Json, exactNumber, member, stringOf } from "../mcp/index.ts";
import type { AdminFault } from "./admin-way.ts";

/** What the commands show; `--json` prints all there is. */
export interface ShownApproval {
  readonly id: string;
  readonly who: string;
  readonly kind: string;
  readonly upstream: string;
  readonly name: string;
  readonly args: string;
  readonly more: string | undefined;
  readonly state: string;
  readonly until: number;
}

export const notAnApproval: AdminFault = {
  fault: "The gateway's answer is no approval (is it of another version?)",
  code: 1,
};

/** The latest moment that a date can hold. */
const maxTime = 8_640_000_000_000_000;

export function parseApproval(json: Json | undefined): ShownApproval | undefined {
  const text = (name: string): string | undefined => stringOf(member(json, name));
  const [id, client, kind, upstream, name, args, state] = [
    text("id"),
    text("client"),
    text("kind"),
    text("upstream"),
    text("name"),
    text("args"),
    text("state"),
  ];
  const until = exactNumber(member(json, "until"));
  if (id === undefined || client === undefined || kind === undefined) return undefined;
  if (upstream === undefined || name === undefined || args === undefined) return undefined;
  if (state === undefined || until === undefined || Math.abs(until) > maxTime) return undefined;
  const subject = text("subject");
  const who = subject === undefined ? client : `${client} (${subject})`;
  return { id, who, kind, upstream, name, args, more: text("more"), state, until };
}

export function toTarget({ kind, upstream, name }: ShownApproval): string {
  return `${kind} ${upstream}/${name}`;
}
