/** Passwords in the userinfo of URLs: `postgres://user:password@host` (RFC 3986 section 3.2.1). */
import { type Budget, costs } from "./budget.ts";
import type { Finding } from "./finding.ts";
import { isPlaceholder } from "./keys.ts";

/** Backwards from the colon; a letter somewhere among the 24 before the last one begins a scheme. */
const SCHEME = /(?<=[A-Za-z][A-Za-z0-9+.-]{1,24})/y;
const USERINFO = /[^\s:@/?#"'<>\\]{0,128}:([^\s/"'<>\\]{1,256})@(?=[\w.[-])/y;

export function findUrlPasswords(text: string, budget: Budget): Finding[] {
  const findings: Finding[] = [];
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
    budget.spend(costs.candidate);
    SCHEME.lastIndex = at;
    if (!SCHEME.test(text)) continue;
    USERINFO.lastIndex = at + 3;
    const password = USERINFO.exec(text)?.[1];
    if (password === undefined) continue;
    if (/^[${<[*]/.test(password) && isPlaceholder(password)) continue;
    const end = USERINFO.lastIndex - 1;
    findings.push({ start: end - password.length, end, kind: "url-password" });
  }
  return findings;
}
