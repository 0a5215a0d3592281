/** What a server may ask of a client: elicitation, sampling, roots (2026-07-28, multi round-trip requests). */
import type { Era } from "./era.ts";
import { type Json, type JsonObject, at, isObject, member, stringOf, textOf } from "./json.ts";

/** Each is a capability that a client declares and a policy grants. */
export type InputKind = "elicitation:form" | "elicitation:url" | "sampling" | "roots";

export const inputKinds: readonly InputKind[] = [
  "elicitation:form",
  "elicitation:url",
  "sampling",
  "roots",
];

/** The kind of a request from a server to a client; undefined for what no server may ask. */
export function inputKindOf(method: string, params: Json | undefined): InputKind | undefined {
  if (method === "sampling/createMessage") return "sampling";
  if (method === "roots/list") return "roots";
  if (method !== "elicitation/create") return undefined;
  const mode = member(params, "mode");
  if (mode === undefined || stringOf(mode) === "form") return "elicitation:form";
  return stringOf(mode) === "url" ? "elicitation:url" : undefined;
}

/**
 * Whether a client's capabilities declare that it can be asked so. An empty `elicitation` means
 * forms (2025-11-25, elicitation, capabilities).
 */
export function declaresInput(capabilities: JsonObject | undefined, kind: InputKind): boolean {
  if (kind === "sampling" || kind === "roots") return isObject(member(capabilities, kind));
  const elicitation = member(capabilities, "elicitation");
  if (!isObject(elicitation)) return false;
  if (kind === "elicitation:url") return isObject(member(elicitation, "url"));
  return isObject(member(elicitation, "form")) || elicitation.node.members.length === 0;
}

/** Apps: resources that hosts show (`_meta.ui.resourceUri` of tools). */
export const uiExtension = "io.modelcontextprotocol/ui";
/** Calls that become tasks (2026-07-28, extension tasks); the legacy era has no word for them. */
export const tasksExtension = "io.modelcontextprotocol/tasks";
/** Extensions whose messages this house can carry. */
export const extensions: { readonly [era in Era]: readonly string[] } = {
  modern: [uiExtension, tasksExtension],
  legacy: [uiExtension],
};

export function declaresExtension(capabilities: JsonObject | undefined, name: string): boolean {
  return isObject(at(capabilities, "extensions", name));
}

/**
 * A client's capabilities cut to what is granted, as JSON text: what an upstream is not shown, it
 * has no reason to ask for. `tools` and `context` of sampling stay as the client declared them;
 * anything else it declares is left out.
 */
export function cutCapabilities(
  capabilities: JsonObject | undefined,
  granted: ReadonlySet<InputKind>,
  era: Era,
): string {
  const has = (kind: InputKind): boolean => granted.has(kind) && declaresInput(capabilities, kind);
  const parts: string[] = [];
  const modes = [
    ...(has("elicitation:form") ? ['"form":{}'] : []),
    ...(has("elicitation:url") ? ['"url":{}'] : []),
  ];
  if (modes.length > 0) parts.push(`"elicitation":{${modes.join(",")}}`);
  if (has("sampling")) {
    const ways = ["context", "tools"].filter((way) => at(capabilities, "sampling", way));
    parts.push(`"sampling":{${ways.map((way) => `"${way}":{}`).join(",")}}`);
  }
  if (has("roots")) parts.push('"roots":{}');
  const carried = extensions[era].flatMap((name) => {
    const settings = at(capabilities, "extensions", name);
    return isObject(settings) ? [`"${name}":${textOf(settings)}`] : [];
  });
  if (carried.length > 0) parts.push(`"extensions":{${carried.join(",")}}`);
  return `{${parts.join(",")}}`;
}
