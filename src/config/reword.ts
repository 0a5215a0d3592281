/** Valibot's issues in this house's words; no value that could be a secret is repeated. */
import type { BaseIssue } from "valibot";
import { Secret } from "../core/index.ts";
import { finding } from "./fault.ts";
import type { Finding, PathKey } from "./fault.ts";
import { isSecretRef } from "./secret.ts";
import { suggest } from "./suggest.ts";

const nouns = new Map([
  ["string", "a string"],
  ["number", "a number"],
  ["boolean", "true or false"],
  ["array", "a list"],
  ["record", "an object"],
  ["strict_object", "an object"],
]);

/** What may stand where a key is missing; without it only one of two forms would be named. */
const instead = new Map([
  ["url", 'an upstream has "url", "command" or "package"'],
  ["token", 'write "token" or "tokenSha256"'],
  ["can", 'write can: ["read"]'],
  ["auth", "make a token with `mcp-gw token create`"],
  ["name", 'write rule("name", { … })'],
  ["use", 'write use: "./plugins/x.ts"'],
  ["origin", 'write origin: "https://api.example.com"'],
]);

export function reword(issue: BaseIssue<unknown>): Finding {
  const path = pathOf(issue);
  if (issue.type === "strict_object" && issue.expected?.startsWith('"')) {
    const key = String(path.at(-1));
    return finding("error", path, `${issue.expected} is missing`, instead.get(key));
  }
  if (issue.type === "picklist" || issue.type === "literal") return choice(issue, path);
  const noun = nouns.get(issue.type);
  if (issue.kind === "schema" && noun !== undefined) {
    return finding("error", path, `Must be ${noun}, is ${kindOf(issue.input)}`);
  }
  const given = typeof issue.input === "number" ? `, is ${issue.input}` : "";
  return finding("error", path, issue.message + given);
}

export function pathOf(issue: BaseIssue<unknown>): readonly PathKey[] {
  return (issue.path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

/** Only the options are named: what stands there instead may be a secret in the wrong place. */
function choice(issue: BaseIssue<unknown>, path: readonly PathKey[]): Finding {
  const options = [...(issue.expected ?? "").matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? "");
  const list = options.map((option) => `"${option}"`).join(", ");
  const message = options.length > 1 ? `Must be one of ${list}` : `Must be ${list}`;
  if (typeof issue.input !== "string") {
    return finding("error", path, `${message}, is ${kindOf(issue.input)}`);
  }
  return finding("error", path, message, suggest(issue.input, options));
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (value instanceof Secret || isSecretRef(value)) return "a secret, which cannot stand here";
  if (Array.isArray(value)) return "a list";
  const kind = typeof value;
  if (kind === "boolean") return String(value);
  return kind === "object" ? "an object" : `a ${kind}`;
}
