/** Keeps completions from naming what the caller may not use. */
import { type JsonObject, at, items, removeItems, spliced, stringOf } from "../mcp/index.ts";

/**
 * Values for a variable of a URI template, without those that would make a URI the caller may not
 * read; all of them go where the variable cannot be found (2026-07-28, completion: a server must
 * not disclose, and here neither must the gateway).
 */
export function cutCompletion(
  result: JsonObject,
  template: string,
  argument: string,
  isAllowed: (template: string) => boolean,
): JsonObject {
  const values = at(result, "completion", "values");
  if (values === undefined) return result;
  const variable = findVariable(template, argument);
  const kept = items(values).map((value) => {
    const text = stringOf(value);
    if (variable === undefined || text === undefined) return false;
    const isReserved = variable.startsWith("{+") || variable.startsWith("{#");
    const expanded = isReserved ? encodeURI(text) : encodeURIComponent(text);
    return isAllowed(template.replace(variable, () => expanded));
  });
  const cut = spliced(
    result,
    removeItems(values, (index) => kept[index] !== true),
  );
  return cut as JsonObject;
}

/** `{name}`, with an operator or a modifier of RFC 6570, where it stands alone in its braces. */
function findVariable(template: string, argument: string): string | undefined {
  const expressions = template.match(/\{[^{}]*\}/g) ?? [];
  return expressions.find((each) => {
    const name = /^\{[+#./;?&]?([^{}*:,]+)(?:\*|:\d+)?\}$/.exec(each)?.[1];
    return name === argument;
  });
}
