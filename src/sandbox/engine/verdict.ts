/** What a hook's answer comes to; the guest's text is all that is looked at. */
import type { Hook, HookCall, Outcome } from "../face.ts";
import { toSpans } from "./spans.ts";

type Facts = Readonly<Record<string, unknown>>;
type Action = "deny" | "modify" | "redact";

/** Beside `allow`. */
const actions: Readonly<Record<Hook, readonly Action[]>> = {
  onRequest: ["deny"],
  onToolCall: ["deny", "modify"],
  onToolResult: ["deny", "modify"],
  onText: ["deny", "redact"],
  onToolList: ["deny", "modify"],
  onResourceRead: ["deny"],
  onPromptGet: ["deny"],
  onInputRequest: ["deny"],
  onAudit: [],
};
const codes = ["policy", "rate_limit", "invalid"] as const;
const reasonCharacters = 1000;
const noteCharacters = 500;
const maxTags = 16;
const maxSpans = 20_000;
const tagCharacters = 200;

/** `text` is JSON, as the guest made it of what the hook returned. */
export function toOutcome(call: Pick<HookCall, "hook" | "payload">, text: string): Outcome {
  // It changes nothing, so there is nothing to say wrongly.
  if (call.hook === "onAudit") return { action: "allow" };
  const said = parse(text);
  if (!isFacts(said)) return bad(`A verdict is an object, not ${text.slice(0, 40)}`);
  const { action } = said;
  if (action === "allow") return toAllow(said);
  const possible = actions[call.hook];
  if (typeof action !== "string" || !possible.includes(action as Action))
    return bad(`"${call.hook}" cannot say ${stringify(action)?.slice(0, 40)}`);
  if (action === "deny") return toDeny(said);
  return action === "redact" ? toRedact(said, call.payload) : toModify(said, call.hook);
}

function toAllow(said: Facts): Outcome {
  const note = toNote(said);
  const tags = toTags(said);
  if (note === undefined || tags === undefined) return bad("Note or tags are no texts");
  return { action: "allow", ...note, ...tags };
}

/** A deny stays one, whatever is wrong with the rest of it. */
function toDeny({ reason, code }: Facts): Outcome {
  return {
    action: "deny",
    reason: typeof reason === "string" ? reason.slice(0, reasonCharacters) : "",
    code: codes.find((known) => known === code) ?? "policy",
  };
}

function toRedact(said: Facts, payload: string): Outcome {
  const given = said["spans"];
  // Attack: each of them takes time on the main thread, and the guest next to none.
  if (Array.isArray(given) && given.length > maxSpans) return bad(`More than ${maxSpans} spans`);
  const text = parse(payload);
  const spans = typeof text === "string" ? toSpans(given, text) : undefined;
  if (spans === undefined)
    return bad("The spans are no list of [start, end, replacement?] of the text");
  const tags = toTags(said);
  return tags === undefined ? bad("Tags are no texts") : { action: "redact", spans, ...tags };
}

function toModify(said: Facts, hook: Hook): Outcome {
  const note = toNote(said);
  if (note === undefined) return bad("The note is no text");
  const value = toModified(said, hook);
  if (typeof value === "string") return bad(value);
  const json = stringify(value.value);
  return json === undefined ? bad("It is nested too deeply") : { action: "modify", json, ...note };
}

function toModified(said: Facts, hook: Hook): { readonly value: unknown } | string {
  if (hook === "onToolList") {
    const tools = toTools(said["tools"]);
    return tools === undefined ? '"tools" is no list of names and descriptions' : { value: tools };
  }
  const key = hook === "onToolCall" ? "arguments" : "result";
  const value = said[key];
  return isFacts(value) ? { value } : `"${key}" is no object`;
}

function toTools(given: unknown): readonly Facts[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const tools: Facts[] = [];
  for (const one of given as readonly unknown[]) {
    if (!isFacts(one)) return undefined;
    const { name, description } = one;
    if (typeof name !== "string") return undefined;
    if (description !== undefined && typeof description !== "string") return undefined;
    tools.push(description === undefined ? { name } : { name, description });
  }
  return tools;
}

function toNote({ note }: Facts): { note?: string } | undefined {
  if (note === undefined) return {};
  return typeof note === "string" ? { note: note.slice(0, noteCharacters) } : undefined;
}

function toTags({ tags }: Facts): { tags?: Record<string, string> } | undefined {
  if (tags === undefined) return {};
  if (!isFacts(tags)) return undefined;
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(tags)) {
    if (typeof value !== "string") return undefined;
    entries.push([key.slice(0, tagCharacters), value.slice(0, tagCharacters)]);
  }
  return { tags: Object.fromEntries(entries.slice(0, maxTags)) };
}

function bad(why: string): Outcome {
  return { action: "failed", code: "bad_verdict", why };
}

function isFacts(value: unknown): value is Facts {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // What is no JSON is no verdict either.
    return undefined;
  }
}

/** Undefined where it is too deep to be written. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
