/** The words that name a call. */
import type { CallWish } from "../core/index.ts";
import { type Json, parseJson } from "../mcp/index.ts";

const kinds = ["tool", "resource", "prompt"] as const;

export interface CallWords {
  readonly client?: string | undefined;
  /** `upstream/name` */
  readonly call?: string | undefined;
  readonly kind?: string | undefined;
  /** JSON. */
  readonly args?: string | undefined;
  readonly subject?: string | undefined;
  readonly address?: string | undefined;
}

/** What is wrong with a word, as the end of a sentence that names where it stands. */
export interface WordFault {
  readonly fault: string;
}

export function toCallWish(words: CallWords): CallWish | WordFault {
  const { client, call, subject, address } = words;
  if (client === undefined) return { fault: "--client NAME is missing" };
  if (call === undefined) return { fault: "--call upstream/name is missing" };
  const thing = toThing(call, words.kind);
  if ("fault" in thing) return thing;
  const args = words.args === undefined ? undefined : parseJson(words.args);
  if (args?.ok === false) {
    return { fault: `--args is no JSON: ${args.fault} at character ${args.at}` };
  }
  return { client, subject, address, ...thing, args: toJson(args) };
}

function toJson(parsed: ReturnType<typeof parseJson> | undefined): Json | undefined {
  return parsed?.ok === true ? parsed.json : undefined;
}

export function toThing(
  call: string,
  kind: string | undefined,
): Pick<CallWish, "kind" | "upstream" | "name"> | WordFault {
  const slash = call.indexOf("/");
  if (slash < 1 || slash === call.length - 1) {
    return { fault: `"${call}" must be upstream/name, as the config writes it` };
  }
  const known = kinds.find((each) => each === (kind ?? "tool"));
  if (known === undefined) return { fault: `"${kind}" must be one of ${kinds.join(", ")}` };
  return { kind: known, upstream: call.slice(0, slash), name: call.slice(slash + 1) };
}
