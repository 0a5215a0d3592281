/** The values that rules give to arguments. */
import type { JsonValue } from "../config/index.ts";
import {
  type Json,
  type JsonObject,
  canonicalText,
  isObject,
  reread,
  setMembers,
  spliced,
} from "../mcp/index.ts";
import { compileDisguise } from "./disguise.ts";

export interface SetValue {
  /** JSON text, as it will be sent. */
  readonly text: string;
  /** The same for all spellings of one value. */
  readonly canonical: string;
  /** Whether a caller wrote the argument's name in another case. */
  readonly isDisguised: (args: JsonObject) => boolean;
}

const none: ReadonlyMap<string, SetValue> = new Map();

export function toSetValues(
  values: Readonly<Record<string, JsonValue>> | undefined,
): ReadonlyMap<string, SetValue> {
  if (values === undefined) return none;
  return new Map(
    Object.entries(values).map(([name, value]) => {
      const text = JSON.stringify(value);
      const canonical = canonicalText(reread(text));
      return [name, { text, canonical, isDisguised: compileDisguise(name) }];
    }),
  );
}

/** The arguments with these values; what is no object stays as it is, for the call to be refused. */
export function withArguments(
  args: Json | undefined,
  set: ReadonlyMap<string, string>,
): Json | undefined {
  if (set.size === 0) return args;
  const given = args ?? reread("{}");
  return isObject(given) ? spliced(given, setMembers(given, Object.fromEntries(set))) : args;
}
