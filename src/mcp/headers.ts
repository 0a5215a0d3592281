/** The request headers that mirror the body (2026-07-28, streamable HTTP, Request Metadata). */
import type { HeaderView } from "./header-view.ts";
import { methods } from "./methods.ts";
import { type Json, type JsonObject, at, member, stringOf } from "./json.ts";
import { type ParamHeader, paramPrefix, toParamText } from "./param-headers.ts";
import { decodeHeaderValue, encodeHeaderValue } from "./header-value.ts";

export interface MirroredRequest {
  readonly method: string;
  readonly revision: string;
  readonly params: JsonObject | undefined;
}

/** The headers of a request to a modern upstream; parameters that are absent or null have none. */
export function toRequestHeaders(
  request: MirroredRequest & { readonly paramHeaders: readonly ParamHeader[] },
): Record<string, string> {
  const headers: Record<string, string> = {
    "MCP-Protocol-Version": request.revision,
    "Mcp-Method": request.method,
  };
  const name = nameOf(request);
  if (name !== undefined) headers["Mcp-Name"] = encodeHeaderValue(name);
  const args = member(request.params, "arguments");
  for (const known of request.paramHeaders) {
    const text = toParamText(at(args, ...known.path));
    if (text !== undefined) headers[toCanonicalName(known.header)] = encodeHeaderValue(text);
  }
  return headers;
}

/**
 * Undefined where the standard headers agree with the body; else what differs, in a short text. A
 * header sent twice arrives as one value with a comma in it and differs.
 */
export function compareHeaders(headers: HeaderView, request: MirroredRequest): string | undefined {
  const name = nameOf(request);
  return (
    compareOne("MCP-Protocol-Version", headers.get("mcp-protocol-version"), request.revision) ??
    compareOne("Mcp-Method", headers.get("mcp-method"), request.method) ??
    (name === undefined
      ? undefined
      : compareOne("Mcp-Name", headers.get("mcp-name"), name, decodeHeaderValue))
  );
}

/** As `compareHeaders`, for the `Mcp-Param-*` headers that the tool's schema declares. */
export function compareParamHeaders(
  headers: HeaderView,
  known: readonly ParamHeader[],
  args: Json | undefined,
): string | undefined {
  for (const { header, path, type } of known) {
    const value = at(args, ...path);
    const sent = headers.get(header);
    const name = toCanonicalName(header);
    if (value === undefined || value.node.type === "null") {
      if (sent !== null) return `${name} is in the headers and not in the body`;
      continue;
    }
    const text = toParamText(value);
    if (text === undefined) {
      // No header can say such a value; the tool's schema is about to refuse it.
      if (sent !== null) return `${name} is in the headers for a value that is no ${type}`;
      continue;
    }
    const read = type === "integer" ? toIntegerSpelling(text) : decodeHeaderValue;
    const fault = compareOne(name, sent, text, read);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const maxUnknownHeaders = 32;
const maxUnknownLength = 4096;

/**
 * The well-formed `Mcp-Param-*` headers that the tool does not declare: they go on untouched, as
 * HTTP asks of intermediaries, at most 32 of them.
 */
export function unknownParamHeaders(
  headers: HeaderView,
  known: readonly ParamHeader[],
): Record<string, string> {
  const declared = new Set(known.map(({ header }) => header));
  const found: Record<string, string> = {};
  let count = 0;
  for (const name of headers.keys()) {
    if (!name.startsWith(paramPrefix) || name.length === paramPrefix.length) continue;
    const value = headers.get(name);
    if (declared.has(name) || value === null || value.length > maxUnknownLength) continue;
    if (decodeHeaderValue(value) === undefined) continue;
    if (++count > maxUnknownHeaders) break;
    found[name] = value;
  }
  return found;
}

/** What `Mcp-Name` mirrors, where the method has it: `params.name`, `params.uri` or `params.taskId`. */
function nameOf({ method, params }: MirroredRequest): string | undefined {
  const does = methods.get(method)?.does;
  if (does?.what === "task") return stringOf(member(params, "taskId"));
  return does?.what === "act" ? stringOf(member(params, does.named)) : undefined;
}

function compareOne(
  name: string,
  sent: string | null,
  body: string,
  read: (sent: string) => string | undefined = (text) => text,
): string | undefined {
  if (sent === null) return `${name} is missing`;
  const value = read(sent);
  if (value === undefined) return `${name} has an invalid value`;
  if (value === body) return undefined;
  return `${name} is ${quote(value)} in the headers and ${quote(body)} in the body`;
}

/** Integers are compared as numbers: a header may say `42.0` for 42. */
function toIntegerSpelling(body: string): (sent: string) => string | undefined {
  return (sent) => {
    const value = decodeHeaderValue(sent);
    if (value === undefined || !/^-?\d{1,20}(?:\.0{1,20})?$/.test(value)) return undefined;
    return Number(value) === Number(body) ? body : value;
  };
}

const maxQuoted = 80;

function quote(text: string): string {
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text);
}

/** `mcp-param-user-id` as it is usually written: `Mcp-Param-User-Id`. */
function toCanonicalName(header: string): string {
  return header.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
