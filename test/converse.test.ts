/** What each round of a legacy client's exchange brings to the road. */
import { expect, test } from "vitest";
import { createConversation } from "../src/converse.ts";
import {
  type AnswerMessage,
  type Approval,
  type Cleaned,
  type McpRequest,
  type Understood,
  createCanceller,
  streamOf,
} from "../src/core/index.ts";
import {
  type ErrorMessage,
  type JsonObject,
  type ResultMessage,
  reread,
  textOf,
} from "../src/mcp/index.ts";
import { handClock } from "./stores/ports.ts";

type Stations = Parameters<typeof createConversation>[0];

const json = (value: unknown): JsonObject => reread(JSON.stringify(value)) as JsonObject;
const result = (value: unknown): AnswerMessage => ({ kind: "result", result: json(value) });
/** A result that asks for this, in the modern shape. */
const asking = (key: string, method: string, state: string): AnswerMessage =>
  result({
    resultType: "input_required",
    inputRequests: { [key]: { method, params: { mode: "form", message: "?" } } },
    requestState: state,
  });
const approval: Approval = { id: "1", via: "client" };
const error: ErrorMessage = { kind: "error", code: -1, message: "no", data: undefined };
const yes: ResultMessage = { kind: "result", result: json({ action: "accept" }) };

interface Round {
  readonly refused: Record<string, number> | undefined;
  readonly params: unknown;
}

/** The rounds behind the first one, whose questions are answered in this order. */
async function roundsOf(
  answers: readonly (AnswerMessage & { readonly approval?: Approval })[],
  replies: readonly (ResultMessage | ErrorMessage)[],
): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  const given = [...replies];
  const left = answers.map(({ approval: own, ...message }) => ({ own, message }));
  const cleaned = (understood: Understood): Cleaned => {
    const { own, message } = left.shift() ?? { own: undefined, message: result({}) };
    return { ...understood, answer: streamOf(message), redactions: [], approval: own };
  };
  const road = {
    turn: {
      walk: async (exchange: Understood) => {
        const { refused, params } = exchange.input as McpRequest;
        rounds.push({
          refused:
            refused && Object.fromEntries([...refused].map(([key, { code }]) => [key, code])),
          params: params && JSON.parse(textOf(params)),
        });
        return { exchange, stage: "", verdict: { verdict: "pass", out: { ...exchange } } };
      },
    },
    sanitize: { run: async (e: Understood) => ({ verdict: "pass", out: cleaned(e) }) },
    cleanWhy: (_: unknown, why: string) => why,
  };
  const open = () => ({
    id: "1",
    ready: Promise.resolve(),
    answer: Promise.resolve(given.shift()),
    close: () => undefined,
  });
  const sessions = { questions: { open } };
  const stations = { road, sessions, clock: handClock() } as unknown as Stations;
  const understood = {
    headers: new Headers({ accept: "text/event-stream" }),
    signal: createCanceller().signal,
    input: {
      kind: "request",
      method: "tools/call",
      asks: true,
      params: json({ name: "t" }),
      caller: { era: "legacy", session: "s", revision: "2025-11-25" },
    },
  } as unknown as Understood;
  const { answer } = createConversation(stations)(understood, cleaned(understood));
  for await (const _ of answer);
  return rounds;
}

const own = { ...asking("mcp-gw-approval", "elicitation/create", "ours"), approval };

test("what is approved before the first round is sent is still the first round", async () => {
  const [round] = await roundsOf([own, result({})], [yes]);
  expect(round).toMatchObject({ refused: undefined, params: { requestState: "ours" } });
});

test("what a client refused goes on behind a question of the gateway's own", async () => {
  const upstream = asking("who", "sampling/createMessage", "theirs");
  const rounds = await roundsOf([upstream, own, result({})], [error, yes]);
  expect(rounds.map(({ refused }) => refused)).toEqual([{ who: -1 }, { who: -1 }]);
});

test("what a client refused in one round is not what it refused in the next", async () => {
  const one = asking("who", "sampling/createMessage", "1");
  const two = asking("where", "sampling/createMessage", "2");
  const rounds = await roundsOf([one, two, result({})], [error, yes]);
  expect(rounds.map(({ refused }) => refused)).toEqual([{ who: -1 }, {}]);
});

test("a refused question of the gateway's own is a no, and no round of a server's", async () => {
  const [round] = await roundsOf([own, result({})], [error]);
  expect(round).toMatchObject({
    refused: undefined,
    params: { inputResponses: { "mcp-gw-approval": { action: "cancel" } } },
  });
});
