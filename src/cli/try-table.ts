/** How the test client shows what came out: one line per call. */
import { colors } from "consola/utils";
import type { Outcome } from "./try-client.ts";
import type { Step } from "./try-walk.ts";

export interface Tried {
  readonly client: string;
  readonly sent: string;
  readonly decision: Outcome["decision"];
  readonly code: string | undefined;
  readonly reason: string;
  readonly redactions: number;
  readonly ms: number;
  readonly asExpected: boolean;
}

const widths = { client: 11, sent: 54, decision: 8, redactions: 9, ms: 8 } as const;

export const header = colors.dim(
  `  ${row("client", "sent", "decision", "redacted", "time")}  reason`,
);

export function lineOf(tried: Tried): string {
  const { client, sent, decision, redactions, ms, code, reason } = tried;
  const paint = { allowed: colors.green, denied: colors.yellow, failed: colors.red }[decision];
  const mark = tried.asExpected ? colors.green("✓") : colors.red("✗");
  const why = [code, reason].filter((part) => part !== undefined && part !== "").join(": ");
  const text = row(
    client,
    sent,
    decision,
    redactions === 0 ? "" : `${redactions}`,
    `${ms.toFixed(1)} ms`,
  );
  return `${mark} ${text.replace(decision.padEnd(widths.decision), (word) => paint(word))}  ${clean(why, 100)}`;
}

/** What was sent, as policy names it. */
export function sentText({ target, method, params }: Step, times: number): string {
  const args = method === "tools/call" ? JSON.stringify(params["arguments"]) : undefined;
  const count = times > 1 ? `× ${times}` : undefined;
  const what = method === "tools/call" ? target : [method, target].filter(Boolean).join(" ");
  return [what, args, count].filter((part) => part !== undefined).join(" ");
}

function row(client: string, sent: string, decision: string, redacted: string, ms: string): string {
  return [
    client.padEnd(widths.client),
    clean(sent, widths.sent).padEnd(widths.sent),
    decision.padEnd(widths.decision),
    redacted.padStart(widths.redactions),
    ms.padStart(widths.ms),
  ].join("  ");
}

/** What a server says must not move the cursor of the one who reads it. */
function clean(text: string, length: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
  return plain.length <= length ? plain : `${plain.slice(0, length - 1)}…`;
}
