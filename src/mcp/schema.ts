/**
 * JSON Schema for tools' arguments, where schema and value may both be hostile. Interpreted and not
 * compiled to code: Ajv took 1.6 seconds to compile 1,900 properties, and a schema that can be
 * written in a kilobyte made its validators run for ever; here every step is counted.
 */
import { type Json, textOf, toValue } from "./json.ts";
import { createRules } from "./schema-apply.ts";
import { type Subschema, SchemaError, collectSubschemas } from "./schema-collect.ts";
import { checkKeywords, isRecord, toDialect } from "./schema-keywords.ts";
import { meet } from "./schema-rule.ts";
import { type SchemaFault, type SchemaPattern, createWalk } from "./schema-walk.ts";

export type { SchemaFault, SchemaPattern };

export interface SchemaValidator {
  /** The first faults, at most 5; none where the value fits. */
  readonly validate: (value: unknown) => SchemaFault[];
}
export type CompilePattern = (source: string) => SchemaPattern | undefined;

const maxSchemaLength = 65_536;
/** Subschemas that one value may meet before one of its parts is looked at. */
const maxExpanded = 10_000;
const maxPatterns = 64;
/** Instructions of all patterns together: they take about 50 ms to compile. */
const maxPatternCost = 8000;

/**
 * Reads a JSON Schema, or says why it cannot be used: wrong, too large, too deep, too tangled, or in
 * need of something that is not in it. 2020-12 unless `$schema` names draft-07 (or its forerunner
 * 06). Nothing is ever fetched; `format` is an annotation; unknown keywords are ignored.
 */
export function compileSchema(
  schema: Json,
  compilePattern: CompilePattern,
): SchemaValidator | { readonly fault: string } {
  if (textOf(schema).length > maxSchemaLength) {
    return { fault: `Is larger than ${maxSchemaLength} characters` };
  }
  try {
    return { validate: toValidate(toValue(schema), compilePattern) };
  } catch (error) {
    if (error instanceof SchemaError) return { fault: error.message };
    throw error;
  }
}

function toValidate(schema: unknown, compilePattern: CompilePattern): SchemaValidator["validate"] {
  const dialect = toDialect(isRecord(schema) ? schema["$schema"] : undefined);
  if (dialect === undefined) throw new SchemaError("Is written in an unknown dialect");
  const { root, all } = collectSubschemas(schema, dialect);
  for (const { value } of all) {
    const wrong = checkKeywords(value);
    if (wrong !== undefined) throw new SchemaError(`Has a wrong "${wrong}"`);
  }
  checkExpansion(all);
  const rules = createRules(all, dialect, createPatterns(compilePattern));
  const rule = rules.get(root)!;
  return (value) => {
    const walk = createWalk();
    try {
      meet(rule, value, walk);
    } catch (error) {
      // Out of steps, out of stack, or a text too long for its pattern: not known to fit.
      if (!(error instanceof RangeError)) throw error;
      return [{ where: "", message: "is too large to be checked against its schema" }];
    }
    return [...walk.faults];
  };
}

/**
 * Refuses references that lead back to themselves without looking at a part of the value, and those
 * that double at each step: `a` is all of `b` and `b`, `b` is all of `c` and `c`, and so on.
 */
function checkExpansion(all: readonly Subschema[]): void {
  const open = -1;
  const sizes = new Map<Subschema, number>();
  const measure = (schema: Subschema): number => {
    const known = sizes.get(schema);
    if (known === open) throw new SchemaError("Refers to itself without end");
    if (known !== undefined) return known;
    sizes.set(schema, open);
    const next = schema.children.filter(({ inPlace }) => inPlace).map((child) => child.schema);
    let size = 1;
    for (const each of [...next, ...schema.references]) size += measure(each);
    if (size > maxExpanded) {
      throw new SchemaError(`Grows to more than ${maxExpanded} subschemas through its references`);
    }
    sizes.set(schema, size);
    return size;
  };
  for (const schema of all) measure(schema);
}

function createPatterns(compilePattern: CompilePattern): (source: string) => SchemaPattern {
  const known = new Map<string, SchemaPattern>();
  let cost = 0;
  return (source) => {
    const found = known.get(source);
    if (found !== undefined) return found;
    if (known.size >= maxPatterns) throw new SchemaError(`Has more than ${maxPatterns} patterns`);
    const pattern = compilePattern(source);
    if (pattern === undefined) throw new SchemaError("Has a pattern that is not supported");
    cost += pattern.cost ?? 1;
    if (cost > maxPatternCost) throw new SchemaError("Has patterns that are too large");
    known.set(source, pattern);
    return pattern;
  };
}
