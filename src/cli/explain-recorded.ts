/** A call as the audit has it, to be decided again. */
import { type RecordedCall as AuditedCall, readCall } from "../audit/index.ts";
import type { CallWish, Files } from "../core/index.ts";
import { type TargetKind, methods } from "../mcp/index.ts";
import type { AuditFiles } from "./audit-files.ts";

export interface RecordedCall {
  readonly wish: CallWish;
  /** Whether all that a decision looks at was recorded as it was. */
  readonly isWhole: boolean;
  /** Whether the target, at least, was. */
  readonly isNamed: boolean;
  readonly time: string;
  readonly decision: string;
  readonly code: string | undefined;
  /** The digest of the config that decided then. */
  readonly config: string;
}

/** Says what is wrong where it is not there, or is not a call that the policy decides. */
export async function findRecorded(
  files: Pick<Files, "readLines">,
  record: AuditFiles,
  id: string,
): Promise<RecordedCall | { readonly fault: string }> {
  for (const path of await record.list()) {
    for await (const line of files.readLines(path)) {
      if (!line.includes(id)) continue;
      const call = readCall(line);
      if (typeof call !== "string" && call.id === id) return toRecorded(call);
    }
  }
  return { fault: `No record of an exchange has the id "${id}" (in ${record.file})` };
}

function toRecorded(call: AuditedCall): RecordedCall | { readonly fault: string } {
  const { client, method = "", upstream, target: name, subject, address, code, stage } = call;
  const kind = kindOf(method);
  if (kind === undefined)
    return { fault: `"${method}" is about no target that the policy decides` };
  if (client === undefined || upstream === undefined || name === undefined) {
    const end = `"${stage ?? ""}" (${code ?? ""})`;
    return { fault: `It ended at ${end}, before the policy was asked` };
  }
  const found = call.args();
  const args = found === "missing" ? undefined : found;
  return {
    wish: { client, subject, address, kind, upstream, name, args, method },
    isWhole: found !== "missing" && call.isNamed && call.isSubjectKnown && !call.isForgotten,
    isNamed: call.isNamed,
    time: new Date(call.time).toISOString(),
    decision: call.decision,
    code,
    config: call.config ?? "",
  };
}

function kindOf(method: string): TargetKind | undefined {
  const does = methods.get(method)?.does;
  if (does?.what === "act") return does.target;
  return does?.what === "follow" ? "resource" : undefined;
}
