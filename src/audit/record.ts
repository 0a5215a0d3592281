/** Turns an entry into the members of a record, in the contract's order. */
import { type Approval, type Crypto, type Log, type PluginHit, utf8Length } from "../core/index.ts";
import { type Json, reread, stringOf, textOf } from "../mcp/index.ts";
import { type RecordMember, type Seal, sealRecord } from "./chain.ts";
import { cutJson } from "./cut-json.ts";
import type { AuditEntry } from "./entry.ts";
import { cutBytes, cutText, toLineText } from "./line-text.ts";

export interface RecordSettings {
  readonly instance: string;
  /** Digest of the config. */
  readonly config: string;
  readonly arguments: boolean;
  readonly results: boolean;
  /** Takes secrets out; always on, whatever a client's own settings say. */
  readonly clean: (json: Json) => { readonly json: Json };
  /** Of the digests; one for all records that may be compared. */
  readonly key: Uint8Array;
  readonly crypto: Crypto;
  readonly log: Log;
}
/** What only the audit itself says. */
export interface OwnNotes {
  /** How many refusals a record sums up. */
  readonly count?: number;
  /** Records that were dropped since the one before. */
  readonly dropped?: number;
  /** Lines at the end of the file that were cut short when it was opened. */
  readonly torn?: number;
}
export type ToRecord = (entry: AuditEntry, notes?: OwnNotes) => Seal;

const maxValueBytes = 8_192;
/** As much of a value is cleaned, so that a record costs no more however long its value is. */
const maxCleaned = 32_768;
/** Half a secret at the end of what was cleaned is not known for one, so that the end is never kept. */
const unsure = 16_384;
const maxTextLength = 1_024;
const maxListed = 100;
/** Of a plugin's hash: nobody makes another file that begins so. */
const hashLength = 16;
/** No secret that is looked for is shorter, and many names are. */
const cleanFrom = 8;

export function createRecorder(settings: RecordSettings): ToRecord {
  const { crypto, clean, key, log } = settings;
  const scratch = new Uint8Array(maxValueBytes);

  function cleaned(json: Json, max = Infinity): Json | undefined {
    try {
      return clean(cutJson(json, max)).json;
    } catch (error) {
      // A value that cannot be cleaned is left out; the record itself must not fail.
      log.error("Cannot clean a value for the audit record", { error: String(error) });
      return undefined;
    }
  }

  /** A text that came from outside. */
  function foreign(text: string): string {
    // Searched well past what is kept: a secret that lies across the later cut is found whole.
    const start = cutText(text, 16 * maxTextLength);
    if (start.length < cleanFrom) return toText(start);
    const safe = stringOf(cleaned(reread(JSON.stringify(start))));
    const sure = start === text ? safe : safe?.slice(0, -8 * maxTextLength);
    return toText(sure ?? "[withheld]");
  }

  function value(json: Json, isShown: boolean): Value {
    const text = textOf(json);
    const digest = crypto.hmacSha256(key, text);
    const facts = `"digest":"${digest}","bytes":${utf8Length(text)}`;
    const safe = isShown ? cleaned(json, maxCleaned) : undefined;
    if (safe === undefined) return { text: `{${facts}}`, covered: `{${facts}}`, value: undefined };
    const whole = toLineText(textOf(safe));
    const sure = text.length <= maxCleaned ? whole : whole.slice(0, -unsure);
    const start = cutBytes(sure, scratch);
    const shown =
      start.length === whole.length ? whole : `{"cut":true,"text":${JSON.stringify(start)}}`;
    return { text: `{${facts},"value":${shown}}`, covered: `{${facts}}`, value: shown };
  }

  function toPlugin(hit: PluginHit): string {
    const { name, version, sha256, hook, stage, verdict, mode, why, ms, count } = hit;
    const texts = {
      name,
      version,
      sha256: sha256.slice(0, hashLength),
      hook,
      stage,
      verdict,
      mode,
    };
    const parts = Object.entries(texts).map(([key, text]) => `"${key}":${toText(text)}`);
    if (why !== undefined) parts.push(`"why":${foreign(why)}`);
    parts.push(`"ms":${toNumber(ms)}`);
    if (count > 1) parts.push(`"count":${count}`);
    return `{${parts.join(",")}}`;
  }

  return (entry, notes = {}) => {
    const members: RecordMember[] = [];
    const personal: RecordMember[] = [];
    const add = (name: string, text: string | undefined): void => {
      if (text !== undefined) members.push({ key: name, text });
    };
    const addPerson = (name: string, text: string | undefined): void => {
      if (text === undefined) return;
      members.push({ key: name, text, covered: { text: undefined } });
      personal.push({ key: name, text });
    };
    const addValue = (name: string, personalName: string, found: Value | undefined): void => {
      if (found === undefined) return;
      members.push({ key: name, text: found.text, covered: { text: found.covered } });
      if (found.value !== undefined) personal.push({ key: personalName, text: found.value });
    };

    /** Who approved is a person. */
    const addApproval = (approval: Approval | undefined): void => {
      if (approval === undefined) return;
      const facts = `"id":${toText(approval.id)},"via":${toText(approval.via)}`;
      const by = maybe(approval.by, foreign);
      if (by === undefined) return add("approval", `{${facts}}`);
      const text = `{${facts},"by":${by}}`;
      members.push({ key: "approval", text, covered: { text: `{${facts}}` } });
      personal.push({ key: "by", text: by });
    };

    add("kind", toText(entry.kind ?? "exchange"));
    add("time", toText(new Date(entry.time).toISOString()));
    add("id", maybe(entry.id, toText));
    add("traceId", maybe(entry.traceId, toText));
    add("instance", toText(settings.instance));
    add("config", toText(settings.config));
    add("client", maybe(entry.client, toText));
    add(
      "roles",
      maybe(entry.roles, (roles) => toList(roles, toText)),
    );
    addPerson("subject", maybe(entry.subject, foreign));
    addPerson("address", maybe(entry.address, toText));
    add("transport", maybe(entry.transport, toText));
    add("eras", maybe(entry.eras, JSON.stringify));
    add("session", maybe(entry.session, toText));
    add("method", maybe(entry.method, foreign));
    add("upstream", maybe(entry.upstream, foreign));
    add("target", maybe(entry.target, foreign));
    addValue(
      "args",
      "value",
      maybe(entry.args, (json) => value(json, settings.arguments)),
    );
    if (settings.results)
      addValue(
        "result",
        "result",
        maybe(entry.result, (json) => value(json, true)),
      );
    add("decision", maybe(entry.decision, toText));
    add("stage", maybe(entry.stage, toText));
    add("code", maybe(entry.code, toText));
    add("why", maybe(entry.why, foreign));
    add(
      "rules",
      maybe(entry.rules, (rules) =>
        toList(
          rules,
          ({ name, then, mode }) =>
            `{"name":${toText(name)},"then":${toText(then)},"mode":${toText(mode)}}`,
        ),
      ),
    );
    add(
      "plugins",
      maybe(entry.plugins, (plugins) => toList(plugins, toPlugin)),
    );
    addApproval(entry.approval);
    add(
      "redactions",
      maybe(entry.redactions, (redactions) =>
        toList(
          redactions,
          ({ kind, where, count }) =>
            `{"kind":${toText(kind)},"where":${foreign(where)},"count":${count}}`,
        ),
      ),
    );
    add("status", maybe(entry.status, toNumber));
    add("ms", maybe(entry.ms, toNumber));
    add("upstreamMs", maybe(entry.upstreamMs, toNumber));
    add("bytesIn", maybe(entry.bytesIn, toNumber));
    add("bytesOut", maybe(entry.bytesOut, toNumber));
    add("count", maybe(notes.count, toNumber));
    add("dropped", maybe(notes.dropped, toNumber));
    add("torn", maybe(notes.torn, toNumber));
    return (previous) => sealRecord(members, personal, previous, crypto);
  };
}

interface Value {
  /** The member as shown. */
  readonly text: string;
  /** The member as the chain covers it. */
  readonly covered: string;
  readonly value: string | undefined;
}

function maybe<In, Out>(value: In | undefined, make: (value: In) => Out): Out | undefined {
  return value === undefined ? undefined : make(value);
}

function toText(text: string): string {
  // Most texts are names and numbers that stand for themselves.
  if (text.length <= maxTextLength && plain.test(text)) return `"${text}"`;
  return toLineText(JSON.stringify(cutText(text, maxTextLength)));
}

/** Printable ASCII but quote and backslash. */
const plain = /^[ !#-[\]-~]*$/;

/** Three decimals: a microsecond. */
function toNumber(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 1000) / 1000) : "0";
}

function toList<T>(list: readonly T[], make: (item: T) => string): string {
  return `[${list.slice(0, maxListed).map(make).join(",")}]`;
}
