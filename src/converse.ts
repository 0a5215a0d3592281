/** Asks legacy clients, on the stream of their call, for what a result of the modern shape requires. */
import {
  type AnswerMessage,
  type AnswerStream,
  type Approval,
  type Cancellation,
  type Cleaned,
  type Clock,
  type Failure,
  type McpRequest,
  type Redaction,
  type SignedRounds,
  type Understood,
  failure,
  isLast,
  withFact,
} from "./core/index.ts";
import {
  type ErrorMessage,
  type JsonObject,
  type ResultMessage,
  inputKindOf,
  reread,
} from "./mcp/index.ts";
import type { OpenQuestion, Sessions } from "./sessions/index.ts";
import {
  type InputRequest,
  type Road,
  asksForInput,
  takesStream,
  toInputRequests,
  toNextParams,
  toQuestion,
} from "./stages/index.ts";

interface Stations {
  readonly road: Road;
  readonly sessions: Sessions;
  readonly clock: Clock;
}

/** A server that keeps asking is not answered for ever. */
const maxRounds = 8;
/** People take their time; the call's own deadline at its upstream is ten minutes too. */
const patienceMs = 600_000;

/**
 * One exchange, however many rounds: each walks the road again with the client's answers, as the
 * retry of a modern client does, so that what comes back is decided and cleaned like any other.
 */
export function createConversation(
  stations: Stations,
): (understood: Understood, first: Cleaned) => Cleaned {
  return (understood, first) => {
    const { input } = understood;
    const { session, era } = input.caller;
    if (era !== "legacy" || input.kind !== "request" || !input.asks || session === undefined) {
      return first;
    }
    const redactions = [...first.redactions];
    const signed: SignedRounds = { approval: first.approval };
    const call = { understood, input, session, signed };
    const answer = converse(stations, call, first, redactions);
    return withFact(first, { answer, redactions, signed });
  };
}

interface Call {
  readonly understood: Understood;
  readonly input: McpRequest;
  readonly session: string;
  readonly signed: SignedRounds;
}

async function* converse(
  stations: Stations,
  call: Call,
  first: Cleaned,
  redactions: Redaction[],
): AnswerStream {
  let current = first;
  let { refused } = call.input;
  for (let round = 1; ; round++) {
    const asked = yield* relay(current.answer);
    redactions.push(...current.redactions.slice(current === first ? redactions.length : 0));
    if (asked === undefined) return;
    if (round > maxRounds) {
      await current.asked?.giveUp?.();
      yield failure("INPUT_DENIED", `The server asks for input more than ${maxRounds} times`);
      return;
    }
    const own = toOwnQuestion(current);
    const answers = yield* ask(stations, call, asked, own?.expiresMs);
    if (answers === undefined && own !== undefined) {
      yield unsigned;
      return;
    }
    if (answers === undefined) {
      await current.asked?.giveUp?.();
      yield failure("INPUT_DENIED", "The client gave no input");
      return;
    }
    // What a question of ours comes into is the same round behind it: what the client refused in that
    // still counts, and the first one is still to be metered.
    if (own === undefined) refused = toRefused(answers);
    const next = await walk(stations, call, asked, answers, refused);
    if ("kind" in next) {
      await current.asked?.giveUp?.();
      yield next;
      return;
    }
    current = next;
  }
}

/** The gateway itself asks whether the call may be made: nothing waits for the answer upstream. */
function toOwnQuestion({ approval }: Cleaned): Approval | undefined {
  return approval?.by === undefined ? approval : undefined;
}

/** Silence is no. */
const unsigned: Failure = {
  ...failure("APPROVAL_REFUSED", "Nobody answered"),
  refused: { stage: "approve" },
};

/** Everything but a result that requires input, which is given back. */
async function* relay(answer: AnswerStream): AsyncGenerator<AnswerMessage, JsonObject | undefined> {
  for await (const message of answer) {
    if (message.kind === "result" && asksForInput(message.result)) return message.result;
    yield message;
    if (isLast(message)) return undefined;
  }
  return undefined;
}

type Answers = ReadonlyMap<string, ResultMessage | ErrorMessage>;

/** Asks for everything at once; undefined where the client cannot be asked, or did not answer. */
async function* ask(
  { sessions, clock }: Stations,
  { understood, input, session }: Call,
  asked: JsonObject,
  expiresMs = patienceMs,
): AsyncGenerator<AnswerMessage, Answers | undefined> {
  if (!takesStream(understood.headers)) return undefined;
  const open = new Map<string, OpenQuestion>();
  const close = (): void => open.forEach((question) => question.close());
  const timer = clock.after(Math.min(expiresMs, patienceMs), close);
  understood.signal.addEventListener("abort", close, { once: true });
  try {
    const requests = toInputRequests(asked);
    for (const request of requests) {
      const question = sessions.questions.open(session);
      if (question === undefined) return undefined;
      open.set(request.key, question);
      await question.ready;
      yield toQuestion(request, question.id, input.caller.revision);
    }
    return await gather(requests, open, understood.signal);
  } finally {
    timer.cancel();
    understood.signal.removeEventListener("abort", close);
    close();
  }
}

async function gather(
  requests: readonly InputRequest[],
  open: ReadonlyMap<string, OpenQuestion>,
  signal: Cancellation,
): Promise<Answers | undefined> {
  const answers = new Map<string, ResultMessage | ErrorMessage>();
  for (const { key } of requests) {
    const answer = await open.get(key)?.answer;
    if (answer === undefined || signal.aborted) return undefined;
    answers.set(key, answer);
  }
  return answers;
}

function toRefused(answers: Answers): ReadonlyMap<string, ErrorMessage> {
  const errors = [...answers].flatMap(([key, each]) =>
    each.kind === "error" ? [[key, each] as const] : [],
  );
  return new Map(errors);
}

/** The next round, as the retry of a modern client would be. */
async function walk(
  { road }: Stations,
  { understood, input, signed }: Call,
  asked: JsonObject,
  answers: Answers,
  refused: McpRequest["refused"],
): Promise<Cleaned | Failure> {
  const given = new Map<string, ResultMessage>();
  for (const { key, method, params } of toInputRequests(asked)) {
    const answer = answers.get(key);
    if (answer === undefined) continue;
    if (answer.kind === "result") {
      given.set(key, answer);
      continue;
    }
    // The one refusal that the modern shape has a word for.
    if (inputKindOf(method, params)?.startsWith("elicitation") === true) given.set(key, cancelled);
  }
  const params = toNextParams(input.params, asked, given);
  const next = { ...input, params, ...(refused && { refused }) };
  const walked = await road.turn.walk(withFact(understood, { input: next }));
  const { verdict, exchange, stage } = walked;
  const approval = verdict.verdict === "pass" ? verdict.out.approval : verdict.approval;
  // A round that nobody has to approve takes nothing of what was said before, but the question.
  if (approval !== undefined) signed.approval = approval;
  else if (signed.approval?.by === undefined) signed.approval = undefined;
  if (verdict.verdict === "deny") {
    const why = road.cleanWhy(exchange, verdict.why);
    return { ...failure(verdict.code, why), refused: { stage, data: verdict.data } };
  }
  const reviewed = verdict.verdict === "pass" ? verdict.out.reviewed : verdict.answer;
  const cleaned = verdict.verdict === "pass" ? verdict.out.cleaned : verdict.cleaned;
  const sanitized = await road.sanitize.run(withFact(exchange, { reviewed, cleaned, approval }));
  if (sanitized.verdict === "pass") return sanitized.out;
  return failure("INTERNAL", "The answer was not cleaned");
}

const cancelled: ResultMessage = {
  kind: "result",
  result: reread('{"action":"cancel"}') as JsonObject,
};
