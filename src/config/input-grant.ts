/** One entry of `allow.input`: which upstreams may ask a client for what. */
import { type InputKind, inputKinds } from "../mcp/index.ts";

/** A mode of elicitation alone, or both of them by one word. */
type InputName = "elicitation" | InputKind;
export type InputGrant = InputName | `${string}/${InputName}`;

/** The words for kinds of input, as a config writes them. */
export const inputNames: readonly InputName[] = ["elicitation", ...inputKinds];

export interface ParsedInputGrant {
  /** A glob over the upstreams' names. */
  readonly upstream: string;
  /** None where the name is not that of a kind. */
  readonly kinds: readonly InputKind[];
  /** As it was written. */
  readonly name: string;
}

/** `kind` for every upstream, or `upstream/kind`. */
export function parseInputGrant(text: string): ParsedInputGrant {
  const slash = text.indexOf("/");
  const upstream = slash < 0 ? "*" : text.slice(0, slash);
  const name = text.slice(slash + 1);
  const kinds = inputKinds.filter(
    (kind) => kind === name || (name === "elicitation" && kind.startsWith("elicitation:")),
  );
  return { upstream, kinds, name };
}
