/** A tool's result as a plugin rewrote it: held to what the protocol and the tool itself promise. */
import { type ToolFacts, compileLinear } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  type SchemaValidator,
  callResultFault,
  compileSchema,
  isObject,
  member,
  parseJson,
  setMembers,
  spliced,
  textOf,
  toValue,
} from "../mcp/index.ts";
import type { Fault } from "./plugin-chain.ts";

export type ResultCheck = (
  json: string,
  before: JsonObject,
  alsoTypes: ReadonlySet<string>,
) => JsonObject | Fault;

/** An answer holds as many values as a list's page. */
const maxNodes = 20_000_000;

/**
 * What a plugin gives back stays the kind of result that it got: it cannot become one that asks the
 * client for something, or that promises a task.
 */
export function createResultCheck(tool: ToolFacts | undefined): ResultCheck {
  return (json, before, alsoTypes) => {
    const parsed = parseJson(json, { maxNodes });
    if (!parsed.ok) return { fault: `Its result cannot be read: ${parsed.fault}` };
    const fault = callResultFault(parsed.json, alsoTypes);
    if (fault !== undefined || !isObject(parsed.json)) return { fault: `Its result ${fault}` };
    const misfit = outputFault(tool, parsed.json, before);
    if (misfit !== undefined) return { fault: misfit };
    const kind = member(before, "resultType");
    const gone = { inputRequests: undefined, requestState: undefined };
    const edits = setMembers(parsed.json, { ...gone, resultType: kind && textOf(kind) });
    return spliced(parsed.json, edits) as JsonObject;
  };
}

/**
 * Why a result that was redacted cannot go out; nothing where the tool's own did not fit either. A
 * client that checks it would drop the whole, and one that does not would misread it.
 */
export function redactedFault(
  tool: ToolFacts | undefined,
  result: JsonObject,
  before: JsonObject,
): string | undefined {
  const [given, own] = [result, before].map((each) => member(each, "structuredContent"));
  if (given === undefined || own === undefined || textOf(given) === textOf(own)) return undefined;
  const fault = outputFault(tool, result, before);
  return outputFault(tool, before, before) === undefined ? fault : undefined;
}

function outputFault(
  tool: ToolFacts | undefined,
  result: Json,
  before: JsonObject,
): string | undefined {
  const schema = member(tool?.definition, "outputSchema");
  if (schema === undefined || member(result, "isError")?.node.type === "true") return undefined;
  const given = member(result, "structuredContent");
  if (given === undefined) {
    // A server that leaves it out did so before any plugin came.
    return member(before, "structuredContent") && "Its result has lost its structuredContent";
  }
  const validator = validatorOf(schema);
  if ("fault" in validator) return undefined;
  const [first] = validator.validate(toValue(given));
  return first && `Its structuredContent does not fit: ${first.where} ${first.message}`;
}

/** A tool's schema is the same object for as long as its list is cached. */
const validators = new WeakMap<object, ReturnType<typeof compileSchema>>();

function validatorOf(schema: Json): SchemaValidator | { readonly fault: string } {
  const known = validators.get(schema.node) ?? compileSchema(schema, compileLinear);
  validators.set(schema.node, known);
  return known;
}
