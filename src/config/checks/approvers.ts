/** What asks an operator: there is one who may answer, and a reason to announce it. */
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Checked } from "./subject.ts";

export function checkApprovers({ config, rules }: Checked): readonly Finding[] {
  const fault = whyNobody(config);
  if (fault === undefined) return [];
  return rules.flatMap(({ rule, path }) =>
    rule.then === "ask" && rule.ask?.via === "operator"
      ? [finding("error", [...path, "ask", "via"], `Nobody could approve: ${fault}`)]
      : [],
  );
}

function whyNobody({ admin }: Checked["config"]): string | undefined {
  if (admin === false) return "there is no admin listener";
  const users = Object.values(admin.users);
  const isNone = users.length > 0 && !users.some(({ can }) => can.includes("approve"));
  return isNone ? 'no admin user has the right "approve"' : undefined;
}

/** Where the client cannot be asked, every rule that asks comes to an operator. */
export function checkWebhook({ config, rules }: Checked): readonly Finding[] {
  const { webhook } = config.approvals;
  if (webhook === undefined) return [];
  const path = ["approvals", "webhook"];
  const { username, password } = new URL(webhook.url);
  if (username !== "" || password !== "") {
    const message = "Must not hold a user name or a password";
    return [finding("error", [...path, "url"], message, 'write secret: secret("NAME")')];
  }
  const asks = rules.some(({ rule }) => rule.then === "ask" && rule.mode === "enforce");
  if (!asks) return [finding("warning", path, 'Does nothing without a rule with then: "ask"')];
  const fault = whyNobody(config);
  return fault === undefined
    ? []
    : [finding("warning", path, `Announces what nobody could approve: ${fault}`)];
}
