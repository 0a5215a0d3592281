/** What plugins said, as the record tells it. */
import type { PluginHit } from "../core/index.ts";
import type { HookEnd, LoadedPlugin } from "../sandbox/index.ts";

export interface Said {
  readonly plugin: LoadedPlugin;
  readonly hook: string;
  readonly stage: PluginHit["stage"];
  readonly outcome: HookEnd["outcome"];
  readonly ms: number;
}

const maxWhy = 1_024;
/** Plugins times hooks times verdicts stay far below it. */
const maxHits = 1_000;

/** What a plugin says again and again, as of each message of a stream, is one entry with a count. */
export function addHit(hits: PluginHit[] | undefined, said: Said): void {
  if (hits === undefined) return;
  const { plugin, hook, stage, ms, outcome } = said;
  const { name, version, sha256, mode } = plugin;
  const verdict = toVerdict(outcome);
  const at = hits.findIndex(
    (hit) =>
      hit.sha256 === sha256 &&
      hit.name === name &&
      hit.hook === hook &&
      hit.stage === stage &&
      hit.verdict === verdict &&
      hit.mode === mode,
  );
  const known = hits[at];
  if (known !== undefined) {
    hits[at] = { ...known, ms: known.ms + ms, count: known.count + 1 };
  } else if (hits.length < maxHits) {
    const why = toWhy(outcome)?.slice(0, maxWhy) || undefined;
    hits.push({ name, version, sha256, hook, stage, verdict, mode, why, ms, count: 1 });
  }
}

function toVerdict(outcome: HookEnd["outcome"]): string {
  return outcome.action === "failed" ? outcome.code : outcome.action;
}

function toWhy(outcome: HookEnd["outcome"]): string | undefined {
  switch (outcome.action) {
    case "allow":
      return joined(outcome.note, outcome.tags);
    case "modify":
      return outcome.note;
    case "deny":
      return outcome.reason;
    case "failed":
      return outcome.why;
    case "redact": {
      const { length } = outcome.spans;
      return joined(`${length} ${length === 1 ? "place" : "places"}`, outcome.tags);
    }
  }
}

function joined(
  text: string | undefined,
  tags: Readonly<Record<string, string>> = {},
): string | undefined {
  const named = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  const parts = text === undefined ? named : [text, ...named];
  return parts.length === 0 ? undefined : parts.join(", ");
}
