/** Reads how the guest describes what was thrown. */

export interface Explanation {
  /** One line. */
  readonly why: string;
  /** Where in the plugin's own files, if the engine's stack names one. */
  readonly file?: string;
  readonly line?: number;
}

/** `text` is the JSON of the guest's `explain`, or empty where even that failed. */
export function parseExplanation(text: string, isOwn: (file: string) => boolean): Explanation {
  const said = parse(text);
  const why = (typeof said.why === "string" ? said.why : "Threw").replaceAll(/\s+/g, " ").trim();
  const stack = typeof said.stack === "string" ? said.stack : "";
  for (const [, file = "", line] of stack.matchAll(/([^\s()]+?):(\d{1,7})(?::\d+)?\)?$/gm))
    if (isOwn(file)) return { why, file, line: Number(line) };
  return { why };
}

function parse(text: string): { readonly why?: unknown; readonly stack?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { why?: unknown; stack?: unknown };
  } catch {
    // The guest had neither stack nor memory left to say more.
    return {};
  }
}
