/** A call as the audit has it, to be decided again. */
import { parseFields } from "../audit/index.ts";
import { type CallWish, type Files, utf8Length } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  type TargetKind,
  exactNumber,
  isObject,
  member,
  methods,
  parseJson,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import type { AuditFiles } from "./audit-files.ts";

export interface RecordedCall {
  readonly wish: CallWish;
  /** Whether all that a decision looks at was recorded as it was. */
  readonly isWhole: boolean;
  readonly time: string;
  readonly decision: string;
  readonly code: string | undefined;
  /** The digest of the config that decided then. */
  readonly config: string;
}

/** A line may hold arguments as deep as a message, two levels deeper. */
const limits = { maxDepth: 1_000 };
/** Longer texts are cut when they are recorded. */
const maxTextLength = 1_024;
const placeholder = "[redacted";

/** Says what is wrong where it is not there, or is not a call that the policy decides. */
export async function findRecorded(
  files: Pick<Files, "readLines">,
  record: AuditFiles,
  id: string,
): Promise<RecordedCall | { readonly fault: string }> {
  for (const path of await record.list()) {
    for await (const line of files.readLines(path)) {
      if (!line.includes(id)) continue;
      const fields = parseFields(line);
      if (fields?.["id"] !== id || (fields["kind"] ?? "exchange") !== "exchange") continue;
      const parsed = parseJson(line, limits);
      if (parsed.ok && isObject(parsed.json)) return toRecorded(parsed.json);
    }
  }
  return { fault: `No record of an exchange has the id "${id}" (in ${record.file})` };
}

function toRecorded(json: JsonObject): RecordedCall | { readonly fault: string } {
  const text = (name: string): string | undefined => stringOf(member(json, name));
  const [client, method = "", upstream, name] = ["client", "method", "upstream", "target"].map(
    text,
  );
  const kind = kindOf(method);
  const code = text("code");
  if (kind === undefined)
    return { fault: `"${method}" is about no target that the policy decides` };
  if (client === undefined || upstream === undefined || name === undefined) {
    const stage = text("stage") ?? "";
    return { fault: `It ended at "${stage}" (${code ?? ""}), before the policy was asked` };
  }
  const args = argsOf(json);
  const names = [name, upstream, text("subject") ?? ""];
  const isCut = names.some((each) => each.length >= maxTextLength || each.includes(placeholder));
  const isForgotten = member(json, "personal") !== undefined && member(json, "salt") === undefined;
  return {
    wish: {
      client,
      subject: text("subject"),
      address: text("address"),
      kind,
      upstream,
      name,
      args: args.value,
      method,
    },
    isWhole: args.isWhole && !isCut && !isForgotten,
    time: text("time") ?? "",
    decision: text("decision") ?? "",
    code,
    config: text("config") ?? "",
  };
}

/** What was taken out of a value, or cut off, shows in its length or in what stands for it. */
function argsOf(json: JsonObject): { readonly value: Json | undefined; readonly isWhole: boolean } {
  const args = member(json, "args");
  if (args === undefined) return { value: undefined, isWhole: true };
  const value = member(args, "value");
  const text = value && textOf(value);
  const isWhole =
    text !== undefined &&
    utf8Length(text) === exactNumber(member(args, "bytes")) &&
    !text.includes(placeholder);
  return isWhole ? { value, isWhole } : { value: undefined, isWhole };
}

function kindOf(method: string): TargetKind | undefined {
  const does = methods.get(method)?.does;
  if (does?.what === "act") return does.target;
  return does?.what === "follow" ? "resource" : undefined;
}
