/** What a plugin was asked about in a recorded exchange, rebuilt out of the record alone. */
import type { Missing, RecordedCall, RecordedHit, RecordedHits } from "../audit/index.ts";
import { type Json, items, latestModern, member, stringOf, textOf } from "../mcp/index.ts";
import { type Hook, hooks } from "../sandbox/index.ts";
import { resultPlace, structurePlace, toLeaves } from "../sanitize/index.ts";
import type { Recorded, RecordedExchange, Refused } from "./plugin-recorded.ts";

/** One question to one plugin, as it was. */
export interface RecordedQuestion {
  readonly hook: Hook;
  /** JSON of the hook's first parameter. */
  readonly input: string;
  /** JSON of an object: what of the second one the record holds. */
  readonly ctx: string;
  readonly client: string;
  readonly now: number;
  readonly said: RecordedHit;
  /** What the record does not say, a line each. */
  readonly notes: readonly string[];
}
/** A refusal says what the record lacks, and which setting would have kept it. */
export function rebuild(
  exchange: RecordedExchange,
  said: RecordedHit,
  { traits }: Recorded,
): RecordedQuestion | Refused {
  const { call, record } = exchange;
  const { client, method, upstream, target } = call;
  const hook = hooks.find((known) => known === said.hook);
  if (call.isForgotten) return { fault: "The record was made to forget whom it is of" };
  if (hook === undefined || client === undefined || method === undefined) return unheld(said.hook);
  if (target === undefined || !call.isNamed) {
    return { fault: "The record does not hold the whole name of what was asked for" };
  }
  if (!call.isSubjectKnown) return { fault: "The record does not hold the whole subject" };
  const input = toInput(hook, exchange, said, traits.match.keys === true);
  if ("fault" in input) return input;
  const ctx = {
    requestId: call.id,
    method,
    ...(record.era === "modern" && { protocolVersion: latestModern }),
    now: call.time,
    client: { id: client, ...(call.subject !== undefined && { subject: call.subject }) },
    ...(upstream !== undefined && { upstream: { name: upstream } }),
    ...(method === "tools/call" && { tool: { name: target } }),
  };
  const more = input.ctx === undefined ? "" : `,${input.ctx}`;
  return {
    hook,
    input: input.json,
    ctx: `${JSON.stringify(ctx).slice(0, -1)}${more}}`,
    client,
    now: call.time,
    said,
    notes: toNotes(record, hook, traits),
  };
}

interface Input {
  readonly json: string;
  /** Further members of the ctx, as JSON. */
  readonly ctx?: string;
}

function toInput(
  hook: Hook,
  { call, record }: RecordedExchange,
  said: RecordedHit,
  withKeys: boolean,
): Input | Refused {
  const { method = "", target = "" } = call;
  const name = JSON.stringify(target);
  switch (hook) {
    case "onResourceRead":
      return { json: `{"uri":${name}}` };
    case "onToolCall":
    case "onPromptGet": {
      const args = argumentsOf(record, said);
      if (args !== undefined && "fault" in args) return args;
      return { json: toParams(name, args) };
    }
    case "onToolResult": {
      const [result, args] = [resultOf(call, record), argumentsOf(record, undefined)];
      if ("fault" in result) return result;
      if (args !== undefined && "fault" in args) return args;
      // On the shared endpoint clients read other URIs than the upstream's own.
      const linked = items(member(result, "content")).some((block) =>
        ["resource_link", "resource"].includes(stringOf(member(block, "type")) ?? ""),
      );
      if (linked) return { fault: "The record holds its resources under the URIs of clients" };
      return { json: textOf(result), ctx: `"call":${toParams(name, args)}` };
    }
    case "onText":
      return said.stage === "consult"
        ? toSentText(method, argumentsOf(record, said), withKeys)
        : toAnswerText(method, resultOf(call, record), withKeys);
    default:
      return unheld(hook);
  }
}

function unheld(hook: string): Refused {
  return { fault: `No record holds what ${hook} is asked about` };
}

function toParams(name: string, args: Json | undefined): string {
  return `{"name":${name}${args === undefined ? "" : `,"arguments":${textOf(args)}`}}`;
}

function toSentText(
  method: string,
  args: Json | Refused | undefined,
  withKeys: boolean,
): Input | Refused {
  if (args !== undefined && "fault" in args) return args;
  if (args === undefined || (method !== "tools/call" && method !== "prompts/get")) {
    return { fault: `The record does not hold the text of this ${method}` };
  }
  const { text } = toLeaves([[args, structurePlace]], { withKeys });
  return toText(text, '"direction":"to_server","source":"tool_arguments"');
}

const sources = new Map([
  ["tools/call", "tool_result"],
  ["resources/read", "resource"],
  ["prompts/get", "prompt"],
]);

function toAnswerText(method: string, result: Json | Refused, withKeys: boolean): Input | Refused {
  if ("fault" in result) return result;
  const source = sources.get(method);
  if (source === undefined || member(result, "inputRequests") !== undefined) {
    return { fault: `The record does not hold the text of this ${method}` };
  }
  const { text } = toLeaves([[result, resultPlace(method)]], { withKeys });
  return toText(text, `"direction":"to_client","source":"${source}"`);
}

function toText(text: string, ctx: string): Input | Refused {
  return text === ""
    ? { fault: "What the record holds has no text" }
    : { json: JSON.stringify(text), ctx };
}

/** As the plugin that said this saw them, or as they were sent where none is named. */
function argumentsOf(
  record: RecordedHits,
  said: RecordedHit | undefined,
): Json | Refused | undefined {
  const { hits, setBy } = record;
  const [rule] = setBy;
  if (rule !== undefined) {
    return { fault: `The rule "${rule}" set arguments, and the record holds those of the client` };
  }
  const before = said === undefined ? hits : hits.slice(0, hits.indexOf(said));
  const changer = before.find((hit) => hit.stage === "consult" && isChange(hit));
  if (changer !== undefined) {
    const who = `The plugin "${changer.name}" changed the arguments`;
    return { fault: `${who}, and the record holds those of the client` };
  }
  const args = record.args();
  return typeof args === "string" ? toRefused("arguments", args) : args;
}

/** As the upstream sent it: what the client got, where nobody changed anything. */
function resultOf({ decision }: RecordedCall, record: RecordedHits): Json | Refused {
  if (decision !== "allowed") {
    return { fault: `The answer was ${decision}, and no record holds what the upstream said` };
  }
  const changer = record.hits.find((hit) => hit.stage === "review" && isChange(hit));
  if (changer !== undefined) {
    const who = `The plugin "${changer.name}" changed the answer`;
    return { fault: `${who}, and the record holds what the client got` };
  }
  if (record.isRedacted) return toRefused("result", "cleaned");
  const result = record.result();
  return typeof result === "string" ? toRefused("result", result) : result;
}

function isChange({ mode, verdict }: RecordedHit): boolean {
  return mode === "enforce" && (verdict === "modify" || verdict === "redact");
}

function toRefused(what: "arguments" | "result", missing: Missing): Refused {
  const setting = what === "result" ? "results" : what;
  const reasons: Readonly<Record<Missing, string>> = {
    off: `does not hold the ${what} (audit: { ${setting}: true } keeps them from now on)`,
    cut: `holds the start of the ${what} alone: more than 8 KiB is cut, and no setting keeps it`,
    cleaned: `does not hold the ${what} as sent: secrets and hidden characters are taken out, and no setting keeps them`,
  };
  return { fault: `The record ${reasons[missing]}` };
}

function toNotes(
  { era, askedBy }: RecordedHits,
  hook: Hook,
  { match }: Recorded["traits"],
): readonly string[] {
  const [asker] = askedBy;
  return [
    "No record holds _meta, clientInfo, the annotations of tools, or answers to a server's questions",
    ...(era === "modern"
      ? []
      : [
          `The record does not say which protocolVersion: it is ${latestModern}, as in any fixture`,
        ]),
    ...(asker === undefined || hook === "onResourceRead"
      ? []
      : [`If the rule "${asker}" sets arguments, the plugin saw those as well`]),
    ...(hook === "onText" && match.keys === true
      ? ["The text has keys, which the config may have kept from the plugin"]
      : []),
  ];
}
