/** A header that is sent with each request. */
import { Secret } from "../../core/index.ts";
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const headerValue = /^[\t\x20-\x7E\x80-\xFF]*$/;

/** `own` matches the headers that only the gateway may set. */
export function checkHeader(
  name: string,
  value: string | Secret,
  own: RegExp,
  path: readonly PathKey[],
): readonly Finding[] {
  const findings: Finding[] = [];
  const text = value instanceof Secret ? value.reveal() : value;
  if (!headerName.test(name)) findings.push(finding("error", path, "Is not a header name"));
  else if (own.test(name)) {
    findings.push(finding("error", path, `"${name}" is set by the gateway itself`));
  }
  if (!headerValue.test(text)) {
    findings.push(finding("error", path, "Holds characters that no header can carry"));
  }
  return findings;
}
