/** What the gateway says of itself: `server/discover`, `initialize` and `ping`. */
import {
  type AnswerMessage,
  type Clock,
  type GatewayTarget,
  type McpRequest,
  type Metered,
  type Redaction,
  type Verdict,
  answer,
  deny,
  streamOf,
} from "../core/index.ts";
import {
  type Era,
  type JsonObject,
  at,
  declaresExtension,
  extensions,
  isObject,
  legacyRevisions,
  member,
  metaKeys,
  modernRevisions,
  reread,
  severities,
  stringOf,
  textOf,
} from "../mcp/index.ts";
import { type SanitizeSettings, cleanText } from "../sanitize/index.ts";
import { patiently } from "./patience.ts";
import type { NoteReview } from "./review-note.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Upstreams } from "../upstreams/index.ts";

export interface Greeter {
  readonly greet: (exchange: Metered, target: GatewayTarget) => Promise<Verdict<never>>;
}

export interface GreetSettings {
  /** The gateway's own version, for those who ask who it is. */
  readonly version: string;
  readonly sanitize: (client: string, upstream: string) => SanitizeSettings;
}

/** What is relayed of a server's capabilities; nothing else could be kept as a promise. */
const relayed = ["completions", "logging", "prompts", "resources", "tools"];
/** Lists whose changes the gateway tells of, whoever makes them change. */
const changing = new Set(["prompts", "resources", "tools"]);

export function createGreeter(
  upstreams: Upstreams,
  sessions: Sessions,
  clock: Clock,
  settings: GreetSettings,
  review: NoteReview["instructions"],
): Greeter {
  const { version } = settings;
  const serverInfo = JSON.stringify({ name: "mcp-gw", title: "mcp-gw", version });

  return {
    greet: async (exchange, target) => {
      const { input } = exchange;
      if (input.kind === "close") await sessions.end(input.token, exchange.client);
      if (input.kind !== "request") return answer(streamOf());
      if (input.method === "ping") return answer(streamOf(result("{}")));
      if (input.method === "logging/setLevel") return setLevel(exchange, input);
      const greeting = await gather(exchange, target);
      if (input.method === "initialize") return initialize(exchange, greeting);
      const { redactions } = greeting;
      return answer(streamOf(result(toDiscovery(greeting))), { cleaned: redactions });
    },
  };

  /** From now on in this session (2025-11-25, logging). */
  async function setLevel({ client }: Metered, input: McpRequest): Promise<Verdict<never>> {
    const logLevel = stringOf(member(input.params, "level"));
    const { session } = input.caller;
    if (logLevel === undefined || !severities.includes(logLevel)) {
      return deny("PARAMS_INVALID", `params.level must be one of ${severities.join(", ")}`);
    }
    const state =
      session && (await sessions.change(client, session, (old) => ({ ...old, logLevel })));
    return state
      ? answer(streamOf(result("{}")))
      : deny("SESSION_UNKNOWN", "The session has ended");
  }

  async function initialize(exchange: Metered, greeting: Greeting): Promise<Verdict<never>> {
    const { caller } = exchange.input;
    const token = await sessions.open(exchange.client, {
      revision: caller.revision,
      capabilities: caller.capabilities ? textOf(caller.capabilities) : "{}",
      clientInfo: caller.clientInfo ? textOf(caller.clientInfo) : "{}",
    });
    const text = `{"protocolVersion":${JSON.stringify(caller.revision)},"capabilities":${greeting.capabilities},"serverInfo":${serverInfo}${greeting.instructions}}`;
    const { redactions } = greeting;
    return answer(streamOf(result(text)), {
      headers: { "mcp-session-id": token },
      cleaned: redactions,
    });
  }

  function toDiscovery({ capabilities, instructions }: Greeting): string {
    const versions = JSON.stringify([...modernRevisions, ...legacyRevisions]);
    const meta = `"_meta":{"${metaKeys.serverInfo}":${serverInfo}}`;
    return `{"supportedVersions":${versions},"capabilities":${capabilities}${instructions},"resultType":"complete","ttlMs":0,"cacheScope":"private",${meta}}`;
  }

  /** The union of what the reachable upstreams can do. */
  async function gather(
    exchange: Metered,
    { upstreams: reachable }: GatewayTarget,
  ): Promise<Greeting> {
    const { client, input, signal, endpoint } = exchange;
    const caller = { client, caller: input.caller };
    const found = await Promise.all(
      reachable.map(async (name) => {
        const asked = upstreams.get(name)?.discover(caller, signal);
        const discovered = asked && (await patiently(clock, `"${name}"`, asked));
        if (discovered === undefined || "kind" in discovered) return undefined;
        const { capabilities, instructions: own = "" } = discovered;
        const reviewed = review(exchange, name, own);
        const instructions = typeof reviewed === "string" ? reviewed : await reviewed;
        const { text, redactions, denied } = cleanText(
          instructions,
          settings.sanitize(client.name, name),
        );
        return { name, capabilities, text: denied === undefined ? text : "", redactions };
      }),
    );
    const known = found.filter((each) => each !== undefined);
    return {
      capabilities: toCapabilities(
        known.map((each) => each.capabilities),
        input.caller.era,
      ),
      instructions: toInstructions(known, endpoint.upstream === undefined),
      redactions: known.flatMap(({ redactions }) =>
        redactions.map((each) => ({ ...each, where: "/result/instructions" })),
      ),
    };
  }
}

interface Greeting {
  readonly capabilities: string;
  /** A member to append, or nothing. */
  readonly instructions: string;
  readonly redactions: readonly Redaction[];
}

function toCapabilities(all: readonly JsonObject[], era: Era): string {
  // With nobody up yet, what may come is announced: asking then fails, and later works.
  const names = relayed.filter(
    (name) => all.length === 0 || all.some((each) => member(each, name) !== undefined),
  );
  const canFollow =
    all.length === 0 ||
    all.some((each) => at(each, "resources", "subscribe")?.node.type === "true");
  const details = (name: string): string => {
    const parts = changing.has(name) ? ['"listChanged":true'] : [];
    if (name === "resources" && canFollow) parts.push('"subscribe":true');
    return `"${name}":{${parts.join(",")}}`;
  };
  const carried = extensions[era].filter((name) =>
    all.some((each) => declaresExtension(each, name)),
  );
  const extended = carried.map((name) => `"${name}":{}`).join(",");
  const parts = [
    ...names.map(details),
    ...(carried.length > 0 ? [`"extensions":{${extended}}`] : []),
  ];
  return `{${parts.join(",")}}`;
}

function toInstructions(
  known: readonly { name: string; text: string }[],
  isShared: boolean,
): string {
  const texts = known.flatMap(({ name, text }) => {
    if (text === "") return [];
    return [isShared ? `${name}: ${text}` : text];
  });
  return texts.length === 0 ? "" : `,"instructions":${JSON.stringify(texts.join("\n\n"))}`;
}

function result(text: string): AnswerMessage {
  const json = reread(text);
  if (!isObject(json)) throw new Error("A greeting is no object");
  return { kind: "result", result: json };
}
