/** The text hook: it sees all text of a message as one string, and answers with spans of it. */
import type { JsonObject } from "../mcp/index.ts";
import type { LoadedPlugin } from "../sandbox/index.ts";
import { type TextLeaves, editLeaves, toLeaves } from "../sanitize/index.ts";
import type { Fault, Look, Scene } from "./plugin-chain.ts";
import { closeCtx } from "./plugin-ctx.ts";

/** As plugins know what a text is of. */
export type TextSource =
  | "tool_result"
  | "resource"
  | "prompt"
  | "tool_description"
  | "input_request"
  | "tool_arguments";

/** Parts of one source, each with its place in the protocol. */
export type TextParts = Parameters<typeof toLeaves>[0];

export function createTextScene(
  openedCtx: string,
  source: TextSource,
  parts: (state: JsonObject) => TextParts,
): Scene<JsonObject> {
  const direction = source === "tool_arguments" ? '"to_server"' : '"to_client"';
  const plain = new WeakMap<JsonObject, TextLeaves>();
  const keyed = new WeakMap<JsonObject, TextLeaves>();
  const leavesOf = ({ seesKeys }: LoadedPlugin, state: JsonObject): TextLeaves => {
    const known = seesKeys ? keyed : plain;
    const leaves = known.get(state) ?? toLeaves(parts(state), { withKeys: seesKeys });
    known.set(state, leaves);
    return leaves;
  };
  return {
    stage: source === "tool_arguments" ? "consult" : "review",
    look: ({ plugin }, state) => lookAt(leavesOf(plugin, state)),
    ctx: () => closeCtx(openedCtx, { direction, source: `"${source}"` }),
    change: ({ hook, plugin }, state, change) => {
      if (change.action !== "redact" || hook !== "onText") {
        return { fault: `${hook} may not ${change.action}` };
      }
      const edited = editLeaves(state, leavesOf(plugin, state), change.spans);
      return edited === undefined ? clash : (edited as JsonObject);
    },
  };
}

const clash: Fault = { fault: "Its spans make two keys of one object the same" };

function lookAt({ text, nodes }: TextLeaves): Look | undefined {
  return nodes.length === 0 ? undefined : { payload: JSON.stringify(text) };
}
