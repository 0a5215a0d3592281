/** A call that an operator asks about, as a query or the body of a request says it. */
import { type CallWish, type Deny, deny } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  type TargetKind,
  member,
  parseJson,
  stringOf,
} from "../mcp/index.ts";

const texts = ["client", "call", "kind", "subject", "address"] as const;
type Given = { [name in (typeof texts)[number]]?: string };

const members: ReadonlySet<string> = new Set([...texts, "args"]);
const kinds: readonly TargetKind[] = ["tool", "resource", "prompt"];
const maxQuery = 16 * 1024;

/** `?client=…&call=upstream/name`, with `kind`, `args` (JSON), `subject` and `address` where they matter. */
export function parseCallQuery(query: string): CallWish | Deny {
  if (query.length > maxQuery) return invalid("The query is too long: send it as a body");
  const given: Given = {};
  let args: Json | undefined;
  const seen = new Set<string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (!members.has(key)) return invalid("The query has a part that is not known");
    if (seen.has(key)) return invalid(`The query says "${key}" twice`);
    seen.add(key);
    if (key === "args") {
      const parsed = parseJson(value);
      if (!parsed.ok) return invalid(`"args" is no JSON: ${parsed.fault} at ${parsed.at}`);
      args = parsed.json;
    } else given[key as keyof Given] = value;
  }
  return toWish(given, args);
}

/** `{ client, call, kind?, args?, subject?, address? }`; a member that is not known is refused. */
export function parseCallBody(body: JsonObject | undefined): CallWish | Deny {
  if (body === undefined) return invalid("The body is empty");
  const unknown = body.node.members.find(({ key }) => !members.has(key));
  if (unknown !== undefined) return invalid("The body has a member that is not known");
  const given: Given = {};
  for (const name of texts) {
    const value = member(body, name);
    if (value === undefined) continue;
    const text = stringOf(value);
    if (text === undefined) return invalid(`"${name}" must be a text`);
    given[name] = text;
  }
  return toWish(given, member(body, "args"));
}

function toWish(given: Given, args: Json | undefined): CallWish | Deny {
  const { client, call = "", subject, address } = given;
  if (client === undefined) return invalid('"client" is missing');
  const slash = call.indexOf("/");
  if (slash < 1 || slash === call.length - 1) return invalid('"call" must be upstream/name');
  const kind = kinds.find((each) => each === (given.kind ?? "tool"));
  if (kind === undefined) return invalid(`"kind" must be one of ${kinds.join(", ")}`);
  const [upstream, name] = [call.slice(0, slash), call.slice(slash + 1)];
  return { client, subject, address, kind, upstream, name, args };
}

function invalid(why: string): Deny {
  return deny("BODY_INVALID", why);
}
