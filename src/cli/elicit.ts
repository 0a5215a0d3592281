/** Answers a server's question for input: a form on a terminal, or a refusal. */
import { type JsonObject, isObject, member, stringOf, toValue } from "../mcp/index.ts";
import type { Terminal } from "../runtime/index.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";

/** The result of an elicitation (2026-07-28, elicitation). */
export type Elicited =
  | { readonly action: "accept"; readonly content: Readonly<Record<string, unknown>> }
  | { readonly action: "decline" | "cancel" };

interface Field {
  readonly name: string;
  readonly label: string;
  readonly isRequired: boolean;
  readonly schema: Readonly<Record<string, unknown>>;
}

/** Where nobody sits at a terminal it is declined. `params` are those of `elicitation/create`. */
export async function elicit(
  params: JsonObject,
  { isInteractive, ask }: Terminal,
  say: (text: string) => void,
): Promise<Elicited> {
  const message = toSafeText(stringOf(member(params, "message")) ?? "");
  if (!isInteractive()) {
    say(`The server asks, and nobody can answer here, so it is declined: ${message}`);
    return { action: "decline" };
  }
  say(`The server asks (do not tell it a password): ${message}`);
  const content: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const field of toFields(params)) {
    const value = await askField(field, ask, say);
    if (value === ended) return { action: "cancel" };
    if (value !== undefined) content[field.name] = value;
  }
  const sure = await ask("Send this? [y/N] ");
  if (sure === undefined) return { action: "cancel" };
  return /^y(es)?$/i.test(sure.trim()) ? { action: "accept", content } : { action: "decline" };
}

function toFields(params: JsonObject): readonly Field[] {
  const schema = member(params, "requestedSchema");
  const properties = member(schema, "properties");
  if (!isObject(properties)) return [];
  const required = member(schema, "required");
  const names = new Set(required === undefined ? [] : (toValue(required) as unknown[]));
  return properties.node.members.map(({ key, value }) => {
    const found = toValue({ source: properties.source, node: value });
    const about = (typeof found === "object" && found !== null ? found : {}) as Field["schema"];
    const title = typeof about["title"] === "string" ? about["title"] : key;
    return { name: key, label: toSafeLine(title, 60), isRequired: names.has(key), schema: about };
  });
}

const ended = Symbol("ended");

async function askField(
  { label, isRequired, schema }: Field,
  ask: Terminal["ask"],
  say: (text: string) => void,
): Promise<unknown> {
  const { description, default: usual } = schema;
  if (typeof description === "string") say(`  ${toSafeLine(description, 200)}`);
  const choices = choicesOf(schema);
  const hint =
    choices === undefined ? toSafeLine(String(schema["type"] ?? "text"), 20) : choices.join("|");
  const left =
    usual === undefined
      ? isRequired
        ? ""
        : ", may be empty"
      : `, empty is ${toSafeLine(JSON.stringify(usual), 40)}`;
  for (;;) {
    const typed = await ask(`  ${label} (${toSafeLine(hint, 200)}${left}): `);
    if (typed === undefined) return ended;
    if (typed === "" && (usual !== undefined || !isRequired)) return usual;
    const value = toFieldValue(typed, schema, choices);
    if (value !== undefined) return value;
    say("  That does not fit");
  }
}

/** The values of a choice; undefined where any text may stand. */
function choicesOf(schema: Field["schema"]): readonly string[] | undefined {
  const items = schema["items"];
  const of = (typeof items === "object" && items !== null ? items : schema) as Field["schema"];
  const { enum: values, oneOf, anyOf } = of;
  if (Array.isArray(values)) return values.map(String);
  const titled = [oneOf, anyOf].find((each) => Array.isArray(each)) as
    | { const?: unknown }[]
    | undefined;
  return titled?.map((each) => String(each.const));
}

/** Undefined where the text does not fit. */
function toFieldValue(
  typed: string,
  { type }: Field["schema"],
  choices: readonly string[] | undefined,
): unknown {
  if (type === "array") {
    const values = typed.split(",").map((each) => each.trim());
    return values.every((each) => choices?.includes(each) ?? true) ? values : undefined;
  }
  if (choices !== undefined) return choices.includes(typed) ? typed : undefined;
  if (type === "boolean") {
    if (/^(y|yes|true)$/i.test(typed)) return true;
    return /^(n|no|false)$/i.test(typed) ? false : undefined;
  }
  if (type === "number" || type === "integer") {
    const number = Number(typed);
    const fits = typed.trim() !== "" && Number.isFinite(number);
    return fits && (type === "number" || Number.isSafeInteger(number)) ? number : undefined;
  }
  return typed === "" ? undefined : typed;
}
