/** What instances with one store tell each other of sessions: any of them may be asked next. */
import type { Store } from "../core/index.ts";
import {
  type ErrorMessage,
  type IdText,
  type ResultMessage,
  at,
  exactNumber,
  isObject,
  member,
  parseJson,
  reread,
  stringOf,
  textOf,
  toJsonRpcMessage,
  toWire,
} from "../mcp/index.ts";
import { type SealedBusSettings, openSealedBus } from "./sealed-bus.ts";

/** What one instance knows, and the others do not. */
export type SharedEvent =
  | { readonly kind: "changed" | "ended" }
  /** The client gave up a request of its own. */
  | { readonly kind: "cancelled"; readonly id: IdText }
  | {
      readonly kind: "answered";
      readonly id: IdText;
      readonly answer: ResultMessage | ErrorMessage;
    };

export interface Sharing {
  readonly tell: (session: string, event: SharedEvent) => Promise<void>;
  /** Settles when every instance can know that this session is asked that. */
  readonly ask: (session: string, id: IdText) => Promise<void>;
  readonly forget: (session: string, id: IdText) => void;
  /** Takes an answer to what another instance asks; false where none does. */
  readonly answer: (
    session: string,
    id: IdText,
    answer: ResultMessage | ErrorMessage,
  ) => Promise<boolean>;
}

const channel = "sessions";
/** Longer than anybody is waited for. */
const askedMs = 15 * 60_000;

/** `act` hears what other instances tell. Rejects where the bus cannot be heard. */
export async function openSharing(
  ports: SealedBusSettings & { readonly store: Store },
  own: string,
  act: (session: string, event: SharedEvent) => void,
): Promise<Sharing> {
  const { store } = ports;
  const publish = await openSealedBus(ports, channel, (text) => {
    const told = parseTold(text);
    if (told !== undefined && told.from !== own) act(told.session, told.event);
  });
  const tell = (session: string, event: SharedEvent): Promise<void> =>
    publish(formatTold(own, session, event));

  return {
    tell,
    ask: (session, id) => store.set(keyOf(session, id), "1", askedMs),
    forget: (session, id) => {
      store.delete(keyOf(session, id)).catch(() => undefined);
    },
    answer: async (session, id, answer) => {
      // The first answer wins, whichever instance it comes to.
      const isAsked = await store.replace(keyOf(session, id), "1", "0", askedMs);
      if (isAsked) await tell(session, { kind: "answered", id, answer });
      return isAsked;
    },
  };
}

function keyOf(session: string, id: IdText): string {
  return `session-question:${session}:${id}`;
}

function formatTold(from: string, session: string, event: SharedEvent): string {
  const head = `"v":1,"from":${JSON.stringify(from)},"session":${JSON.stringify(session)}`;
  const message = event.kind === "answered" ? `,"message":${toWire(event.answer, event.id)}` : "";
  const id = event.kind === "cancelled" ? `,"id":${event.id}` : "";
  return `{${head},"kind":"${event.kind}"${id}${message}}`;
}

/** Undefined for what no instance of this version told. */
function parseTold(
  text: string,
): { readonly from: string; readonly session: string; readonly event: SharedEvent } | undefined {
  const parsed = parseJson(text);
  if (!parsed.ok || exactNumber(at(parsed.json, "v")) !== 1) return undefined;
  const [from, session, kind] = ["from", "session", "kind"].map((key) =>
    stringOf(member(parsed.json, key)),
  );
  if (from === undefined || session === undefined) return undefined;
  if (kind === "changed" || kind === "ended") return { from, session, event: { kind } };
  if (kind === "cancelled") {
    const id = member(parsed.json, "id");
    return id === undefined ? undefined : { from, session, event: { kind, id: textOf(id) } };
  }
  const told = member(parsed.json, "message");
  if (kind !== "answered" || !isObject(told)) return undefined;
  const message = toJsonRpcMessage(reread(textOf(told)));
  if ("fault" in message || message.kind !== "response" || message.id === undefined) {
    return undefined;
  }
  return { from, session, event: { kind, id: message.id, answer: message.answer } };
}
