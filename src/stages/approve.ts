/** Does a person have to sign what will be sent; has one. */
import {
  type Answer,
  type Approval,
  type ApprovalDemand,
  type Approved,
  type CarriedWord,
  type Deny,
  type Judged,
  type OneTarget,
  type Stage,
  type Verdict,
  answer,
  deny,
  pass,
  streamOf,
  withFact,
} from "../core/index.ts";
import { unknownParamHeaders } from "../mcp/index.ts";
import {
  type ApproveRooms,
  type ApproveSettings,
  approvalRequired,
  createAskOperator,
} from "./approval-operator.ts";
import { canBeAsked, toQuestionResult, toRest } from "./approval-question.ts";
import { toShownCall } from "./approval-shown.ts";
import { toCallDigest } from "./call-digest.ts";
import { stateTtlMs } from "./state.ts";

export type { ApproveRooms, ApproveSettings } from "./approval-operator.ts";

const stale = deny("STATE_INVALID", "The approval was used before");
const maxHeader = 80;

/**
 * A yes counts once, for exactly the bytes that were shown, under the config that asked. Attack: an
 * agent gets one call approved and sends another, or the same one again. What the client itself
 * changed is refused; a question that expired, or that another config asked, is asked anew.
 */
export function approve(rooms: ApproveRooms, settings: ApproveSettings): Stage<Judged, Approved> {
  const { approvals, states, crypto } = rooms;
  const { config, clean } = settings;
  const askOperator = createAskOperator(rooms, settings);

  return {
    name: "approve",
    run: (exchange) => {
      const { judgement, target } = exchange;
      if (target.kind !== "one") return pass(withFact(exchange, { approval: undefined }));
      const { word } = target;
      if (word?.kind === "answer" && isNo(word)) return refuse(exchange, word);
      if (judgement.ask === undefined) return pass(withFact(exchange, { approval: undefined }));
      return sign(exchange, target, judgement.ask);
    },
  };

  async function sign(
    exchange: Judged,
    target: OneTarget,
    ask: ApprovalDemand,
  ): Promise<Verdict<Approved>> {
    const { input, call: params } = exchange;
    const { rules } = exchange.judgement;
    if (input.kind !== "request" || !input.asks) {
      return approvalRequired(rules, "No person can be asked about such a request");
    }
    const stray = strayHeader(exchange);
    if (stray !== undefined) return deny("HEADER_MISMATCH", stray, { rules });
    const call = toCallDigest(input.method, params, crypto);
    const approval = toApproval(target.word, call, ask, exchange);
    if (approval !== undefined && target.word !== undefined) {
      const [id, ttlMs] = useOf(target.word);
      if (!(await approvals.use(id, ttlMs))) return { ...stale, rules };
      const giveBack = (): Promise<void> => approvals.unuse(id);
      return pass(withFact(exchange, { approval: { ...approval, giveBack } }));
    }
    const question =
      ask.via === "client" && canBeAsked(exchange)
        ? await toQuestion(exchange, target, ask, call)
        : undefined;
    return question ?? askOperator(exchange, target, ask, call);
  }

  /** What the retry brings, where it is good for this call; whether it was used is not known yet. */
  function toApproval(
    word: CarriedWord | undefined,
    call: string,
    ask: ApprovalDemand,
    exchange: Judged,
  ): Approval | undefined {
    if (word === undefined || word.call !== call || word.config !== config) return undefined;
    if (word.kind === "approved") {
      return ask.via === "client" || word.approval.via === "operator" ? word.approval : undefined;
    }
    const isFresh = approvals.now() < word.until && ask.via === "client";
    if (!isFresh || word.action !== "accept") return undefined;
    return { id: word.id, via: "client", by: callerOf(exchange) };
  }

  /** What is used up, and for how long it would be good. */
  function useOf(word: CarriedWord): readonly [id: string, ttlMs: number] {
    return word.kind === "approved"
      ? [word.once, 2 * stateTtlMs]
      : [word.id, word.until - approvals.now()];
  }

  /** A no holds whatever the rules say by now, and cannot be taken back under the same question. */
  async function refuse(
    exchange: Judged,
    word: CarriedWord & { readonly kind: "answer" },
  ): Promise<Deny> {
    const { rules } = exchange.judgement;
    const left = word.until - approvals.now();
    if (left > 0 && !(await approvals.use(word.id, left))) return { ...stale, rules };
    const approval: Approval = { id: word.id, via: "client", by: callerOf(exchange) };
    return deny("APPROVAL_REFUSED", `The person said "${word.action}"`, { rules, approval });
  }

  /** Undefined where the client would have to carry more than it can. */
  async function toQuestion(
    exchange: Judged,
    target: OneTarget,
    ask: ApprovalDemand,
    call: string,
  ): Promise<Answer | undefined> {
    const { client, input } = exchange;
    const method = input.kind === "request" ? input.method : "";
    const id = approvals.newId();
    const state = await approvals.tickets.seal({
      id,
      binding: states.bindingOf({ client, method, target }),
      call,
      config,
      until: approvals.now() + ask.expiresMs,
      ...toRest(target.params),
    });
    if (state === undefined) return undefined;
    const shown = toShownCall(exchange, target, clean);
    const question = toQuestionResult({ target, shown, why: ask.why, state });
    const { expiresMs } = ask;
    return answer(streamOf(question), { cleaned: [], approval: { id, via: "client", expiresMs } });
  }
}

/**
 * Attack: a header that mirrors no parameter of the tool goes up as it came, and is in no question
 * that a person is asked.
 */
function strayHeader({ headers, shaped }: Judged): string | undefined {
  const [stray] = Object.keys(unknownParamHeaders(headers, shaped.tool?.headers ?? []));
  if (stray === undefined) return undefined;
  return `${stray.slice(0, maxHeader)} mirrors no parameter, and nobody could approve what it says`;
}

function isNo({ action }: CarriedWord & { readonly kind: "answer" }): boolean {
  return action === "decline" || action === "cancel";
}

/** Of whom the record says that they answered, since nobody else could have. */
function callerOf({ client }: Judged): string {
  return client.subject ?? client.name;
}
