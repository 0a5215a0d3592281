/** What `mcp-gw plugin run` gives to a hook. */
import { resolvePath } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Hook } from "../sandbox/index.ts";

/** More than a plugin can ever be given. */
const maxLength = 32 * 1024 * 1024;

/** JSON of the hook's first parameter, or what is wrong with it. `from` is a file, or `-`. */
export async function readHookInput(
  hook: Hook,
  from: string,
  { config, cwd, stdin }: Pick<Runtime, "config" | "cwd" | "stdin">,
): Promise<{ readonly json: string } | { readonly fault: string }> {
  const name = from === "-" ? "Standard input" : `"${from}"`;
  const text = await (
    from === "-" ? readAll(stdin()) : config.readText(resolvePath(cwd(), from))
  ).catch(() => undefined);
  if (text === undefined) return { fault: `${name} is not there, or cannot be read` };
  if (text.length > maxLength) return { fault: `${name} is too long` };
  return toHookInput(hook, text.replace(/^\uFEFF/, ""), name);
}

/** For `onText` a JSON string is that string, and anything else the text itself. */
function toHookInput(
  hook: Hook,
  text: string,
  name: string,
): { readonly json: string } | { readonly fault: string } {
  const isJson = readsAsJson(text);
  if (hook === "onText") {
    const isString = isJson && text.trimStart().startsWith('"');
    return { json: isString ? text : JSON.stringify(text) };
  }
  return isJson ? { json: text } : { fault: `${name} is no JSON, as ${hook} gets it` };
}

function readsAsJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    // What is too deep for us is for the sandbox to refuse.
    return error instanceof RangeError;
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of chunks) {
    if (text.length <= maxLength) text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
