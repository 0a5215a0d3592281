/** A call as a person reads it before they approve it. */
import type { Judged, OneTarget } from "../core/index.ts";
import { type Json, member, reread, stringOf, textOf } from "../mcp/index.ts";
import { toMore } from "./call-digest.ts";

export interface ShownCall {
  readonly name: string;
  /** JSON text. */
  readonly args: string;
  /** JSON text: what is sent beside them, so that nobody signs what they have not seen. */
  readonly more: string | undefined;
}

/** `clean` takes secrets out; what is hidden is written out where the words are put together. */
export function toShownCall(
  { call, input }: Pick<Judged, "call" | "input">,
  { name }: Pick<OneTarget, "name">,
  clean: (json: Json) => Json,
): ShownCall {
  const named = input.kind === "request" && input.does.what === "act" ? input.does.named : "name";
  const args = member(call, "arguments");
  const more = toMore(call, named);
  return {
    name: stringOf(clean(reread(JSON.stringify(name)))) ?? "",
    args: args === undefined ? "{}" : textOf(clean(args)),
    more: more && textOf(clean(more)),
  };
}
