/**
 * Which of the tools that servers list are the ones that were reviewed; the others are quarantined.
 * Beside them the plugins, which a gateway runs or does not.
 */
import type { Config } from "../../config/index.ts";
import type { Clock, Log } from "../../core/index.ts";
import { type JsonObject, member, stringOf } from "../../mcp/index.ts";
import { quote } from "../foreign.ts";
import { type Definition, type Hasher, toContent, toDefinition } from "./definition.ts";
import { type Flag, type Hides, createFlagger, flagTexts } from "./flags.ts";
import { type LockFile, openLockKeep } from "./lock-keep.ts";
import type { Lock, LockedTools } from "./lock-content.ts";
import { definitionOf } from "./lock-text.ts";
import { type PluginLock, createPluginLock } from "./plugin-lock.ts";
import { type Tell, createTeller } from "./tell.ts";

export type IntegritySettings = Config["integrity"];

export interface ListedTool {
  /** The upstream's own name of it. */
  readonly key: string;
  readonly json: JsonObject;
}
/** A tool without the credentials of the config; undefined where that cannot be told. */
export type CleanTool = (tool: JsonObject) => JsonObject | undefined;

/** Why each tool that is held back is so, by name; for the record. */
export type Held = ReadonlyMap<string, string>;

/** Stands between what one upstream lists and everything that reads it. */
export interface Gate {
  /** Grows whenever the same tools may be judged otherwise than before. */
  readonly version: () => number;
  /** Whether tools of all these names are locked. */
  readonly knows: (tools: readonly ListedTool[]) => boolean;
  readonly judge: (tools: readonly ListedTool[]) => Held;
  /** Locks what is seen for the first time, where the mode says so. Never rejects. */
  readonly admit: (tools: readonly ListedTool[]) => Promise<void>;
}

export interface Integrity {
  readonly gate: (upstream: string) => Gate;
  readonly plugins: PluginLock;
  /** The file, absolute. */
  readonly path: string;
  /** The tools that are locked now. */
  readonly lock: () => Lock;
  /** From here on these settings hold, of the newest config, and what happens is told to its record. */
  readonly follow: (settings: IntegritySettings, clean: CleanTool, tell: Tell) => void;
  /** Looks at the lock file again. Never rejects. */
  readonly reread: () => Promise<void>;
  /** Calls `act` when the lock file says something else; gives back how to stop that. */
  readonly onChange: (act: () => void) => () => void;
}

export interface IntegrityOptions {
  readonly file: LockFile;
  readonly hides: Hides;
  readonly ports: {
    readonly clock: Clock;
    readonly log: Log;
    readonly crypto: Hasher;
  };
}

/** What was found out about a tool that is not as it is locked. */
interface Finding {
  readonly what: string;
  readonly why: string;
  readonly isFlagged: boolean;
}

const none: LockedTools = new Map();

/** Rejects with an `Error` that says what to do where the lock file is not a good one. */
export async function openIntegrity({ file, hides, ports }: IntegrityOptions): Promise<Integrity> {
  const keep = await openLockKeep(file, ports);
  const teller = createTeller(ports);
  let definitions = new WeakMap<JsonObject, { readonly definition: Definition | undefined }>();
  let clean: CleanTool = (tool) => tool;
  const listeners = new Set<() => void>();
  let settings: IntegritySettings = { mode: "pin", flagged: "report" };
  let followed = 0;

  const plugins = createPluginLock(keep, teller, () => settings.mode !== "frozen");

  const quarantinesFlagged = (): boolean => settings.flagged === "quarantine";

  /** Undefined for one that cannot be locked. */
  function defined({ key, json }: ListedTool): Definition | undefined {
    const known = definitions.get(json);
    if (known !== undefined) return known.definition;
    const cleaned = clean(json);
    const isNamed = stringOf(member(cleaned, "name")) === key;
    const definition = isNamed && cleaned ? toDefinition(cleaned, ports.crypto) : undefined;
    definitions.set(json, { definition });
    return definition;
  }

  function isLocked(tool: ListedTool, known: LockedTools): boolean {
    const hash = known.get(tool.key)?.hash;
    return hash !== undefined && hash === defined(tool)?.hash;
  }

  function gate(upstream: string): Gate {
    const locked = (): LockedTools => keep.lock().get(upstream) ?? none;

    /** What was found out about strange tools at the last look, by their hashes. */
    let findings: ReadonlyMap<string, Finding> = new Map();

    function judge(tools: readonly ListedTool[]): Held {
      const known = locked();
      const strange = tools.filter((tool) => !isLocked(tool, known));
      const held = new Map<string, string>();
      teller.fine(upstream, toKeys(without(tools, strange)));
      if (strange.length === 0) return held;
      const flagsOf = createFlagger(upstream, keep.lock(), hides);
      const renamed = createFindRenamed(toKeys(tools), known);
      const found = new Map<string, Finding>();
      for (const tool of strange) {
        const definition = defined(tool);
        if (definition === undefined) {
          const isHeld = settings.mode !== "report" || quarantinesFlagged();
          if (isHeld) held.set(tool.key, withheldText);
          teller.strange(upstream, { tool: "[withheld]", hash: "", why: withheldText, isHeld });
          continue;
        }
        const what = known.has(tool.key) ? changedText : toNewText(tool, renamed);
        const before = findings.get(definition.hash);
        const finding = before?.what === what ? before : toFinding(what, flagsOf(definition));
        found.set(definition.hash, finding);
        const { why, isFlagged } = finding;
        const isHeld = settings.mode !== "report" || (isFlagged && quarantinesFlagged());
        if (isHeld) held.set(tool.key, why);
        teller.strange(upstream, { tool: tool.key, hash: definition.hash, why, isHeld });
      }
      findings = found;
      return held;
    }

    async function admit(tools: readonly ListedTool[]): Promise<void> {
      const known = locked();
      const fresh = tools.filter(({ key }) => !known.has(key));
      if (fresh.length > 0 && settings.mode !== "frozen") await take(fresh, tools, known);
    }

    async function take(
      fresh: readonly ListedTool[],
      tools: readonly ListedTool[],
      known: LockedTools,
    ): Promise<void> {
      const flagsOf = createFlagger(upstream, keep.lock(), hides);
      const renamed = createFindRenamed(toKeys(tools), known);
      const seen = fresh.flatMap((tool) => {
        const definition = defined(tool);
        if (definition === undefined) return [];
        const finding = toFinding(toNewText(tool, renamed), flagsOf(definition));
        return [{ tool: tool.key, definition, ...finding }];
      });
      const good = seen.filter(({ isFlagged }) => !isFlagged || !quarantinesFlagged());
      await keep.remember(upstream, new Map(good.map((each) => [each.tool, each.definition])));
      const now = locked();
      const isTaken = ({ tool, definition }: (typeof good)[number]): boolean =>
        now.get(tool)?.hash === definition.hash;
      teller.seen(upstream, good.filter(isTaken));
    }

    return {
      version: () => keep.version() + followed,
      knows: (tools) => tools.every(({ key }) => locked().has(key)),
      judge,
      admit,
    };
  }

  return {
    gate,
    plugins,
    path: file.path,
    lock: keep.lock,
    follow: (next, cleanNext, tell) => {
      settings = next;
      clean = cleanNext;
      definitions = new WeakMap();
      followed++;
      teller.to(tell);
      if (next.mode === "frozen" && keep.isEmpty()) {
        ports.log.error(
          "Integrity is frozen and the lock file holds no tool, so every tool is quarantined; `mcp-gw lock` writes it",
          { file: file.path },
        );
      }
    },
    reread: async () => {
      if (!(await keep.reread())) return;
      plugins.look();
      for (const act of listeners) act();
    },
    onChange: (act) => {
      const own = (): void => act();
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}

const withheldText =
  "Its name holds a credential of the config, or it is too large to be searched for one";
const changedText = "Its definition is not the one that is locked";

/** Names the tool that it was, where that one is gone and nothing but the name differs. */
function toNewText({ json }: ListedTool, renamed: FindRenamed): string {
  const before = renamed(json);
  return before === undefined
    ? "It is not locked"
    : `It is not locked: "${quote(before, 128)}" under another name, unchanged`;
}

/** The locked tool, listed no more, that differs from the given one in its name alone. */
export type FindRenamed = (tool: JsonObject) => string | undefined;

export function createFindRenamed(listed: Iterable<string>, known: LockedTools): FindRenamed {
  const still = new Set(listed);
  const gone = [...known].filter(([name]) => !still.has(name));
  const names = new Map(
    gone.map(([name, definition]) => [toContent(definitionOf(definition)), name]),
  );
  return (tool) => (names.size === 0 ? undefined : names.get(toContent(tool)));
}

function toFinding(what: string, flags: readonly Flag[]): Finding {
  const why = [what, ...flags.slice(0, 3).map(toFlagText)].join("; ");
  return { what, why, isFlagged: flags.length > 0 };
}

/** One flag as a clause. */
export function toFlagText({ kind, pointer, quote: found }: Flag): string {
  const said = found === "" ? "" : `: "${found}"`;
  return `${pointer || "its definition"} ${flagTexts[kind]}${said}`;
}

function toKeys(tools: readonly ListedTool[]): readonly string[] {
  return tools.map(({ key }) => key);
}

function without(
  tools: readonly ListedTool[],
  others: readonly ListedTool[],
): readonly ListedTool[] {
  if (others.length === 0) return tools;
  const left = new Set(others);
  return tools.filter((tool) => !left.has(tool));
}
