/** An upstream's lists, whole, each kept for whom it was made and as long as it may be believed. */
import { LRUCache } from "lru-cache";
import { type Cancellation, type Failure, type ToolFacts, failure } from "../core/index.ts";
import {
  type JsonObject,
  type ListKind,
  type SchemaValidator,
  isObject,
  member,
} from "../mcp/index.ts";
import type { Gate, Held } from "./integrity/index.ts";
import { type ListedItem, type UsableItem, toUsableItems } from "./items.ts";
import { type ListChange, isFailure } from "./link.ts";
import { type Asker, type Pages, type PagesSettings, fetchPages } from "./pages.ts";
import { orAborted, within } from "./watch.ts";

export type { Asker } from "./pages.ts";

const MAX_AGE_MS = 60_000;
/** How old a list may be that is shown because its upstream fails or hangs. */
const MAX_STALE_MS = 600_000;
/** How long a list is waited for where an old one could be shown. */
const PATIENCE_MS = 5_000;
/** How long a failure is the answer, so that a dead upstream is not waited for again and again. */
const FAILED_MS = 5_000;
/** The pause between two lists that were fetched because a tool was not known. */
const REFRESH_PAUSE_MS = 5_000;
/** Lists of one upstream that are kept, and about how much memory they may take together. */
const MAX_PLACES = 1_024;
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** About what one JSON value costs beside its text. */
const NODE_BYTES = 64;

/** A whole list, all pages. */
export interface Listing {
  readonly items: readonly ListedItem[];
  /** Tools that are listed and held back, by name; why, for the record. */
  readonly quarantined?: Held;
}
/** A tool that is listed, and is not the one that was reviewed. */
export interface Quarantined {
  readonly kind: "quarantined";
  /** For the record: outside it looks like an unknown one. */
  readonly why: string;
}

export interface Catalogue {
  /** An old list stands in for at most ten minutes where the upstream fails or hangs. */
  readonly list: (kind: ListKind, asker: Asker, signal: Cancellation) => Promise<Listing | Failure>;
  /** `refresh` fetches the list even if the tool is known. */
  readonly tool: (
    name: string,
    asker: Asker,
    signal: Cancellation,
    refresh?: boolean,
  ) => Promise<ToolFacts | Quarantined | undefined | Failure>;
  readonly onChange: (list: ListChange, scope: string) => void;
  /**
   * Others say that a list has changed, whoever it is for: it is fetched again. They may be wrong, so
   * an old one still stands in where the upstream fails.
   */
  readonly doubt: (list: ListChange) => void;
  /** How many tools the last list had that may be used, whoever it was for. */
  readonly toolCount: () => number | undefined;
  /** The tools that are held back, in any list that is kept; sorted. */
  readonly quarantined: () => readonly string[];
}

export interface CatalogueSettings extends PagesSettings {
  readonly compile: (schema: JsonObject) => SchemaValidator | { readonly fault: string };
  /** Without it every tool is as good as any other. */
  readonly gate?: Gate | undefined;
}

interface Known extends Listing {
  /** Also what is held back. */
  readonly usable: readonly UsableItem[];
  readonly tools: ReadonlyMap<string, ToolFacts>;
  readonly quarantined: Held;
  /** The gate's, when it said what is held back. */
  readonly version: number;
  /** Until when clients get it, in the clock's elapsed time. */
  readonly freshUntil: number;
  /** Until when its tools are believed; an upstream may ask for no caching of the list itself. */
  readonly knownUntil: number;
  readonly staleUntil: number;
}

interface Failed {
  readonly failure: Failure;
  readonly until: number;
}

/** A list that is on its way; it goes on when nobody waits any more. */
interface Flight {
  readonly began: number;
  readonly landed: Promise<Known | Failure>;
  /** The upstream said meanwhile that the list has changed. */
  changed: boolean;
}

/** All that is known of one list of one scope. */
interface Place {
  readonly kind: ListKind;
  known: Known | undefined;
  failed: Failed | undefined;
  flight: Flight | undefined;
  /** Until it is fetched, an upstream that is slow is waited for. */
  isDoubted: boolean;
  refreshedAt: number;
}

export function createCatalogue(settings: CatalogueSettings): Catalogue {
  const { clock, notice, gate } = settings;
  const places = new LRUCache<string, Place>({ max: MAX_PLACES, maxSize: MAX_KEPT_BYTES });
  /** Why the upstream's era could not be found out, which is the same for every caller. */
  let unreached: Failed | undefined;
  let toolCount: number | undefined;

  function toFailed(failure: Failure): Failed {
    return { failure, until: clock.elapsed() + FAILED_MS };
  }

  function placeOf(kind: ListKind, scope: string): Place {
    const key = toKey(kind, scope);
    const found = places.get(key);
    if (found !== undefined) return found;
    const place: Place = {
      kind,
      known: undefined,
      failed: undefined,
      flight: undefined,
      isDoubted: false,
      refreshedAt: -REFRESH_PAUSE_MS,
    };
    places.set(key, place, { size: 1 });
    return place;
  }

  async function scopeOf(asker: Asker): Promise<string | Failure> {
    const scope = asker.scope();
    if (scope !== undefined) return scope;
    if (unreached !== undefined && clock.elapsed() < unreached.until) return unreached.failure;
    const facts = await asker.facts();
    if (isFailure(facts)) {
      unreached = toFailed(facts);
      return facts;
    }
    return asker.scope() ?? failure("UPSTREAM_UNAVAILABLE", "The upstream's era is not known");
  }

  /** The list as it is now, or an old one; `force` wants it fetched, and no old one. */
  async function current(kind: ListKind, asker: Asker, force: boolean): Promise<Known | Failure> {
    for (;;) {
      const scope = await scopeOf(asker);
      if (typeof scope !== "string") return scope;
      const place = placeOf(kind, scope);
      const known = judged(place);
      const { failed, flight } = place;
      const now = clock.elapsed();
      if (known !== undefined && !force && now < known.freshUntil) return known;
      const old = known !== undefined && !force && now < known.staleUntil ? known : undefined;
      if (failed !== undefined && now < failed.until) return old ?? failed.failure;
      const joined = flight !== undefined && !flight.changed;
      const { landed, began } = joined ? flight : start(kind, asker, scope, place);
      const patienceMs = began + PATIENCE_MS - now;
      const isPatient = old === undefined || place.isDoubted;
      if (!isPatient && patienceMs <= 0) return old;
      const found = isPatient ? await landed : await within(landed, patienceMs, clock);
      // The era changed while somebody else fetched: that list may be of the other's session.
      if (joined && asker.scope() !== scope) continue;
      if (found !== undefined && !isFailure(found)) return found;
      const late = failure("UPSTREAM_TIMEOUT", `The list did not come within ${PATIENCE_MS} ms`);
      return old ?? found ?? late;
    }
  }

  function start(kind: ListKind, asker: Asker, scope: string, place: Place): Flight {
    const land = async (pages: Pages | Failure): Promise<Known | Failure> => {
      place.failed = isFailure(pages) ? toFailed(pages) : undefined;
      if (!flight.changed) place.isDoubted = false;
      if (isFailure(pages)) return pages;
      const { items, nodes } = toUsableItems(kind, pages.items, notice);
      // Before anything else can see them.
      if (kind === "tools") await gate?.admit(items);
      const listing = toKnown(kind, pages, items);
      if (kind === "tools") toolCount = listing.items.length;
      // A list that changed while it was read is for who asked, and for nobody later.
      if (!flight.changed && asker.scope() === scope) {
        place.known = listing;
        places.set(toKey(kind, scope), place, { size: 1 + pages.length + nodes * NODE_BYTES });
      }
      return listing;
    };
    const flight: Flight = {
      began: clock.elapsed(),
      changed: false,
      landed: fetchPages(settings, kind, asker)
        .then(land)
        .finally(() => {
          if (place.flight === flight) place.flight = undefined;
        }),
    };
    place.flight = flight;
    return flight;
  }

  function toKnown(kind: ListKind, { ttlMs }: Pages, usable: readonly UsableItem[]): Known {
    const now = clock.elapsed();
    return {
      usable,
      tools: new Map(usable.map((item) => [item.key, toToolFacts(settings, item)])),
      ...toParts(kind, usable),
      freshUntil: now + Math.min(ttlMs ?? MAX_AGE_MS, MAX_AGE_MS),
      knownUntil: now + MAX_AGE_MS,
      staleUntil: now + MAX_STALE_MS,
    };
  }

  function toParts(
    kind: ListKind,
    usable: readonly UsableItem[],
  ): Pick<Known, "items" | "quarantined" | "version"> {
    const quarantined = (kind === "tools" && gate?.judge(usable)) || nobody;
    const items = usable.filter(({ key }) => !quarantined.has(key));
    return { items, quarantined, version: gate?.version() ?? 0 };
  }

  /** What is known there, as the gate judges it now. */
  function judged(place: Place | undefined): Known | undefined {
    const known = place?.known;
    if (place?.kind !== "tools" || known === undefined || gate === undefined) return known;
    if (known.version === gate.version()) return known;
    // What is not locked any more is seen for the first time when it is fetched again.
    const freshUntil = gate.knows(known.usable) ? known.freshUntil : clock.elapsed();
    place.known = { ...known, ...toParts("tools", known.usable), freshUntil };
    toolCount = place.known.items.length;
    return place.known;
  }

  function empty(kind: ListKind, scope: string): void {
    const place = places.peek(toKey(kind, scope));
    if (place === undefined) return;
    place.known = undefined;
    // Who says that something has changed is there again.
    place.failed = undefined;
    if (place.flight !== undefined) place.flight.changed = true;
  }

  function doubt(kind: ListKind): void {
    const now = clock.elapsed();
    for (const [key, place] of places.entries()) {
      if (!key.startsWith(toKey(kind, ""))) continue;
      place.known &&= { ...place.known, freshUntil: now, knownUntil: now };
      place.failed = undefined;
      place.isDoubted = true;
      if (place.flight !== undefined) place.flight.changed = true;
    }
  }

  return {
    list: (kind, asker, signal) => orAborted(current(kind, asker, false), signal),
    tool: async (name, asker, signal, refresh = false) => {
      const scope = asker.scope();
      const place = scope === undefined ? undefined : places.get(toKey("tools", scope));
      const now = clock.elapsed();
      const known = judged(place);
      const believed = known !== undefined && now < known.knownUntil;
      const found = believed ? pick(known, name) : undefined;
      // One that is held back is looked for again as one that is unknown, so that both take as long.
      if (found !== undefined && !("kind" in found) && !refresh) return found;
      if (place !== undefined && believed) {
        if (now - place.refreshedAt < REFRESH_PAUSE_MS) return found;
        place.refreshedAt = now;
      }
      const listed = await orAborted(current("tools", asker, believed || refresh), signal);
      return isFailure(listed) ? listed : pick(listed, name);
    },
    onChange: (list, scope) => {
      empty(list, scope);
      if (list === "resources") empty("resourceTemplates", scope);
    },
    doubt: (list) => {
      doubt(list);
      if (list === "resources") doubt("resourceTemplates");
    },
    toolCount: () => toolCount,
    quarantined: () => {
      const names = [...places.values()].flatMap((place) => [
        ...(judged(place)?.quarantined.keys() ?? []),
      ]);
      return [...new Set(names)].sort();
    },
  };
}

const nobody: Held = new Map();

function pick({ tools, quarantined }: Known, name: string): ToolFacts | Quarantined | undefined {
  const why = quarantined.get(name);
  return why === undefined ? tools.get(name) : { kind: "quarantined", why };
}

function toKey(kind: ListKind, scope: string): string {
  return `${kind} ${scope}`;
}

function toToolFacts({ compile }: CatalogueSettings, { json, headers }: UsableItem): ToolFacts {
  let validator: ReturnType<ToolFacts["validator"]> | undefined;
  return {
    definition: json,
    headers,
    validator: () => {
      const schema = member(json, "inputSchema");
      validator ??= isObject(schema) ? compile(schema) : { fault: "It is no object" };
      return validator;
    },
  };
}
