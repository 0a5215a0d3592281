/** Does a person have to sign what will be sent; has one. */
import type { Approvals, PendingAnswer } from "../approvals/index.ts";
import { cutArgs } from "../approvals/index.ts";
import {
  type Answer,
  type Approval,
  type ApprovalDemand,
  type Approved,
  type CarriedWord,
  type Crypto,
  type Deny,
  type Judged,
  type OneTarget,
  type Stage,
  type ToolFacts,
  type Verdict,
  answer,
  deny,
  pass,
  streamOf,
  withFact,
} from "../core/index.ts";
import { type Json, member, textOf } from "../mcp/index.ts";
import { canBeAsked, toQuestionResult, toRest } from "./approval-question.ts";
import { toCallDigest } from "./call-digest.ts";
import { type States, stateTtlMs } from "./state.ts";

export interface ApproveSettings {
  /** Digest of the config: under another one nothing is approved that was approved under this. */
  readonly config: string;
  /** Takes secrets out of what a person is shown. */
  readonly clean: (json: Json) => Json;
}
export interface ApproveRooms {
  readonly approvals: Approvals;
  readonly states: Pick<States, "bindingOf">;
  readonly crypto: Crypto;
  /** What is called, as its upstream lists it now. */
  readonly find: (exchange: Judged, target: OneTarget) => Promise<ToolFacts | Deny | undefined>;
}

const stale = deny("STATE_INVALID", "The approval was used before");

/**
 * A yes counts once, for exactly the bytes that were shown, under the config that asked. Attack: an
 * agent gets one call approved and sends another, or the same one again. What the client itself
 * changed is refused; a question that expired, or that another config asked, is asked anew.
 */
export function approve(rooms: ApproveRooms, settings: ApproveSettings): Stage<Judged, Approved> {
  const { approvals, states, crypto, find } = rooms;
  const { config, clean } = settings;

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
    if (input.kind !== "request" || !input.asks) {
      return required(exchange, "No person can be asked about such a request", undefined);
    }
    const call = toCallDigest(input.method, params, crypto);
    const approval = toApproval(target.word, call, ask, exchange);
    if (approval !== undefined && target.word !== undefined) {
      const isFirst = await use(target.word);
      return isFirst
        ? pass(withFact(exchange, { approval }))
        : { ...stale, rules: exchange.judgement.rules };
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

  function use(word: CarriedWord): Promise<boolean> {
    return word.kind === "approved"
      ? approvals.use(word.once, 2 * stateTtlMs)
      : approvals.use(word.id, word.until - approvals.now());
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
      ...toRest(target),
    });
    if (state === undefined) return undefined;
    const question = toQuestionResult({ target, args: shownArgs(exchange), why: ask.why, state });
    const { expiresMs } = ask;
    return answer(streamOf(question), { cleaned: [], approval: { id, via: "client", expiresMs } });
  }

  async function askOperator(
    exchange: Judged,
    target: OneTarget,
    ask: ApprovalDemand,
    call: string,
  ): Promise<Verdict<Approved>> {
    const { client, input, signal } = exchange;
    const method = input.kind === "request" ? input.method : "";
    const who = states.bindingOf({ client, method, target });
    const wish = {
      call: crypto.sha256(JSON.stringify([who, call, config])),
      client: client.name,
      subject: client.subject,
      kind: target.what,
      upstream: target.upstream,
      name: target.name,
      args: cutArgs(shownArgs(exchange)),
      rules: ask.rules,
      why: ask.why,
      expiresMs: ask.expiresMs,
    };
    const said = await approvals.settle(wish, ask.waitMs, signal);
    const hasWaited = said.is === "approved" && ask.waitMs > 0;
    return (
      (hasWaited ? await changeOf(exchange, target) : undefined) ?? toVerdict(exchange, ask, said)
    );
  }

  /** Attack: a server changes its tool while the call waits, and the yes was for what it was before. */
  async function changeOf(exchange: Judged, target: OneTarget): Promise<Deny | undefined> {
    const found = await find(exchange, target);
    if (found !== undefined && "verdict" in found) return found;
    const [before, now] = [exchange.shaped.tool, found].map(
      (tool) => tool && textOf(tool.definition),
    );
    if (before === now) return undefined;
    return required(exchange, "The tool has changed while its call waited", undefined);
  }

  function toVerdict(
    exchange: Judged,
    ask: ApprovalDemand,
    said: PendingAnswer,
  ): Verdict<Approved> {
    const { rules } = exchange.judgement;
    switch (said.is) {
      case "full":
        return required(exchange, "Too many calls of this client wait for an operator", undefined);
      case "approved":
        return pass(withFact(exchange, { approval: said.approval }));
      case "denied":
        return deny("APPROVAL_REFUSED", "An operator said no", { rules, approval: said.approval });
      case "waiting": {
        const because = ask.why === undefined ? "" : `: ${ask.why}`;
        return required(exchange, `An operator has to approve this call${because}`, said.approval);
      }
    }
  }

  function required(
    { judgement: { rules } }: Judged,
    why: string,
    approval: Approval | undefined,
  ): Deny {
    const extra = approval && { approval, data: { approvalId: approval.id } };
    return deny("APPROVAL_REQUIRED", why, { rules, ...extra });
  }

  function shownArgs({ call }: Judged): string {
    const args = member(call, "arguments");
    return args === undefined ? "{}" : textOf(clean(args));
  }
}

function isNo({ action }: CarriedWord & { readonly kind: "answer" }): boolean {
  return action === "decline" || action === "cancel";
}

/** Of whom the record says that they answered, since nobody else could have. */
function callerOf({ client }: Judged): string {
  return client.subject ?? client.name;
}
