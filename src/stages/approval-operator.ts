/** Asks an operator for their word on a call. */
import {
  type Approvals,
  type PendingAnswer,
  type PendingWish,
  cutArgs,
  writeOut,
} from "../approvals/index.ts";
import {
  type Approval,
  type ApprovalDemand,
  type Approved,
  type Crypto,
  type Deny,
  type Judged,
  type OneTarget,
  type RuleHit,
  type ToolFacts,
  type Verdict,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import { type Json, textOf } from "../mcp/index.ts";
import { toRest } from "./approval-question.ts";
import { toShownCall } from "./approval-shown.ts";
import type { States } from "./state.ts";

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

type AskOperator = (
  exchange: Judged,
  target: OneTarget,
  ask: ApprovalDemand,
  call: string,
) => Promise<Verdict<Approved>>;

/** `call` is the digest of what will be sent. */
export function createAskOperator(
  { approvals, states, crypto, find }: ApproveRooms,
  { config, clean }: ApproveSettings,
): AskOperator {
  return async (exchange, target, ask, call) => {
    const said = await approvals.settle(
      toWish(exchange, target, ask, call),
      ask.waitMs,
      exchange.signal,
    );
    const hasWaited = said.is === "approved" && ask.waitMs > 0;
    return (
      (hasWaited ? await changeOf(exchange, target) : undefined) ?? toVerdict(exchange, ask, said)
    );
  };

  function toWish(
    exchange: Judged,
    target: OneTarget,
    ask: ApprovalDemand,
    call: string,
  ): PendingWish {
    const { client, input } = exchange;
    const method = input.kind === "request" ? input.method : "";
    const who = states.bindingOf({ client, method, target });
    // Attack: the call comes back with other answers to its server's questions than were shown.
    const { own, responses } = toRest(exchange.call);
    const { name, args, more } = toShownCall(exchange, target, clean);
    return {
      call: crypto.sha256(JSON.stringify([who, call, config, own ?? null, responses ?? null])),
      client: client.name,
      subject: client.subject,
      kind: target.what,
      upstream: target.upstream,
      name: writeOut(name),
      args: cutArgs(args),
      more: more && cutArgs(more),
      rules: ask.rules,
      why: ask.why,
      expiresMs: ask.expiresMs,
    };
  }

  /** Attack: a server changes its tool while the call waits, and the yes was for what it was before. */
  async function changeOf(exchange: Judged, target: OneTarget): Promise<Deny | undefined> {
    const found = await find(exchange, target);
    if (found !== undefined && "verdict" in found) return found;
    const [before, now] = [exchange.shaped.tool, found].map(
      (tool) => tool && textOf(tool.definition),
    );
    if (before === now) return undefined;
    const { rules } = exchange.judgement;
    return approvalRequired(rules, "The tool has changed while its call waited");
  }

  function toVerdict(
    exchange: Judged,
    ask: ApprovalDemand,
    said: PendingAnswer,
  ): Verdict<Approved> {
    const { rules } = exchange.judgement;
    switch (said.is) {
      case "crowded":
        return approvalRequired(rules, "Too many calls of this client wait for an operator");
      case "long":
        return approvalRequired(rules, "The call is too long for an operator to be asked");
      case "approved": {
        const giveBack = (): Promise<void> => approvals.giveBack(said.taken);
        return pass(withFact(exchange, { approval: { ...said.approval, giveBack } }));
      }
      case "denied":
        return deny("APPROVAL_REFUSED", "An operator said no", { rules, approval: said.approval });
      case "waiting": {
        const because = ask.why === undefined ? "" : `: ${ask.why}`;
        const why = `An operator has to approve this call${because}`;
        return approvalRequired(rules, why, said.approval);
      }
    }
  }
}

export function approvalRequired(
  rules: readonly RuleHit[],
  why: string,
  approval?: Approval,
): Deny {
  const extra = approval && { approval, data: { approvalId: approval.id } };
  return deny("APPROVAL_REQUIRED", why, { rules, ...extra });
}
