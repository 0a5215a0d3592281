/** The parameter headers that tools ask for; a client on a pipe has no headers to send them in. */
import {
  type JsonObject,
  type ParamHeader,
  at,
  isObject,
  items,
  member,
  parseJson,
  stringOf,
  textOf,
  toParamHeaders,
} from "../mcp/index.ts";

export interface Declared {
  /** What is known without asking. */
  readonly known: (tool: string) => readonly ParamHeader[];
  /** Asks for the list of tools, in the words of the call that was refused. */
  readonly learn: (tool: string, call: JsonObject) => Promise<readonly ParamHeader[]>;
}

const maxPages = 100;
const maxKnown = 1_000;

/** `list` gives the answer to a `tools/list` with these parameters. */
export function createDeclared(list: (params: string) => Promise<string>): Declared {
  const found = new Map<string, readonly ParamHeader[]>();

  async function page(meta: string, cursor: string | undefined): Promise<string | undefined> {
    const from = cursor === undefined ? "" : `"cursor":${JSON.stringify(cursor)},`;
    const parsed = parseJson(await list(`{${from}"_meta":${meta}}`));
    const result = parsed.ok ? member(parsed.json, "result") : undefined;
    for (const tool of items(member(result, "tools"))) {
      const name = stringOf(member(tool, "name"));
      const schema = member(tool, "inputSchema");
      const declared = isObject(schema) ? toParamHeaders(schema) : { headers: [] };
      if (name === undefined || !("headers" in declared)) continue;
      if (declared.headers.length > 0 && found.size < maxKnown) found.set(name, declared.headers);
    }
    return stringOf(member(result, "nextCursor"));
  }

  return {
    known: (tool) => found.get(tool) ?? [],
    learn: async (tool, call) => {
      const meta = at(call, "_meta");
      if (meta === undefined) return [];
      found.clear();
      let cursor: string | undefined;
      for (let pages = 0; pages < maxPages; pages++) {
        cursor = await page(textOf(meta), cursor);
        if (cursor === undefined) break;
      }
      return found.get(tool) ?? [];
    },
  };
}
