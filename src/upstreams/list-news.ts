/** What the instances tell each other of their upstreams' lists. */
import type { Ports } from "../core/index.ts";
import { isObject, member, parseJson, stringOf, textOf } from "../mcp/index.ts";
import { type ListChange, listChanges } from "./link.ts";
import { createThrottle } from "./throttle.ts";

const CHANNEL = "lists";
/** Between two texts of one list; an upstream that says so all the time costs the others no more. */
const PAUSE_MS = 250;
const MAX_LENGTH = 1_024;

export interface ListNews {
  /** An upstream of this instance says that a list has changed. */
  readonly tell: (upstream: string, list: ListChange) => void;
  /** The bus was away: nobody knows what was said, and what did not go out goes now. */
  readonly missed: () => void;
  readonly close: () => void;
}

export interface ListNewsSettings {
  /** The name of this process among those on the bus. */
  readonly instance: string;
  readonly upstreams: () => ReadonlySet<string>;
  /** It is a hint to look again, and nothing that could be believed. */
  readonly hear: (upstream: string, list: ListChange) => void;
}

interface Piece {
  readonly upstream: string;
  readonly list: ListChange;
}

/** What is heard is never told again, and what a text asks for is bounded like what is told. */
export function openListNews(
  { instance, upstreams, hear }: ListNewsSettings,
  { bus, clock, log }: Pick<Ports, "bus" | "clock" | "log">,
): ListNews {
  const mouth = createThrottle(clock, PAUSE_MS);
  const ear = createThrottle(clock, PAUSE_MS);
  /** What the bus did not take. */
  const unsaid = new Map<string, Piece>();
  let isClosed = false;

  function tell(piece: Piece): void {
    if (bus === undefined || isClosed) return;
    const key = toKey(piece);
    const text = JSON.stringify({ v: 1, from: instance, ...piece });
    mouth.run(key, () => {
      unsaid.delete(key);
      bus.publish(CHANNEL, text).catch(() => unsaid.set(key, piece));
    });
  }

  function doubt(piece: Piece): void {
    ear.run(toKey(piece), () => {
      if (!isClosed) hear(piece.upstream, piece.list);
    });
  }

  function doubtAll(): void {
    for (const upstream of upstreams()) for (const list of listChanges) doubt({ upstream, list });
  }

  function read(text: string): void {
    const piece = isClosed ? undefined : parsePiece(text, instance);
    if (piece !== undefined && upstreams().has(piece.upstream)) doubt(piece);
  }

  const subscribed = bus?.subscribe(CHANNEL, read).then(
    (end) => {
      // What was said before is not known.
      if (!isClosed) doubtAll();
      return end;
    },
    (error: unknown) => {
      const why = error instanceof Error ? error.message : "";
      log.warn("Changes of lists that other instances see are not heard of", { why });
    },
  );

  return {
    tell: (upstream, list) => tell({ upstream, list }),
    missed: () => {
      for (const piece of unsaid.values()) tell(piece);
      doubtAll();
    },
    close: () => {
      mouth.close();
      isClosed = true;
      ear.close();
      void subscribed?.then((end) => end?.());
    },
  };
}

function toKey({ upstream, list }: Piece): string {
  return `${upstream} ${list}`;
}

/** Undefined for our own words, and for what is none of ours. */
function parsePiece(text: string, instance: string): Piece | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const parsed = parseJson(text);
  if (!parsed.ok || !isObject(parsed.json)) return undefined;
  const { json } = parsed;
  const version = member(json, "v");
  const from = stringOf(member(json, "from"));
  const upstream = stringOf(member(json, "upstream"));
  const said = stringOf(member(json, "list"));
  const list = listChanges.find((each) => each === said);
  const isOurs = json.node.members.length === 4 && version !== undefined && textOf(version) === "1";
  if (!isOurs || from === undefined || from === instance) return undefined;
  return upstream === undefined || list === undefined ? undefined : { upstream, list };
}
