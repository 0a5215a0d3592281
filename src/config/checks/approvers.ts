/** Rules that ask an operator: there is one who may answer. */
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
