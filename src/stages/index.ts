/**
 * THE ROAD. Each exchange walks these stages in this order; a stage that is left out, or comes too
 * early, does not compile.
 */
import {
  type Arrival,
  type Cancellation,
  type Clock,
  type Consulted,
  type Crypto,
  type Log,
  type OneTarget,
  type Pipeline,
  type Reviewed,
  type Seals,
  type Stage,
  type Cleaned,
  type Understood,
  pipeline,
  withFact,
} from "../core/index.ts";
import type { Approvals } from "../approvals/index.ts";
import type { Identity } from "../identity/index.ts";
import type { Limits } from "../limits/index.ts";
import type { Policy } from "../policy/index.ts";
import type { Plugins } from "../sandbox/index.ts";
import type { Sessions } from "../sessions/index.ts";
import type { Names, Upstreams } from "../upstreams/index.ts";
import { admit } from "./admit.ts";
import { approve } from "./approve.ts";
import { authenticate } from "./authenticate.ts";
import { authorize } from "./authorize.ts";
import { consult } from "./consult.ts";
import { findListed } from "./existence.ts";
import { forward } from "./forward.ts";
import { createGreeter } from "./greet.ts";
import { judge } from "./judge.ts";
import { limit } from "./limit.ts";
import { createLists } from "./lists.ts";
import { meter } from "./meter.ts";
import { createPluginDesk } from "./plugin-desk.ts";
import { read } from "./read.ts";
import { createRejoin } from "./rejoin.ts";
import { createListReview } from "./review-list.ts";
import { createNoteReview } from "./review-note.ts";
import { reviewReason } from "./review-reason.ts";
import { review } from "./review.ts";
import { route } from "./route.ts";
import { type Sanitizable, sanitize, whyCleaner } from "./sanitize.ts";
import type { RoadSettings } from "./settings.ts";
import { shape } from "./shape.ts";
import { createStates } from "./state.ts";
import { type Subscriber, type Succession, createSubscriber } from "./subscribe.ts";
import { createTasks } from "./task.ts";
import { type TellPlugins, createTellPlugins } from "./tell-plugins.ts";
import { createWatch } from "./watching.ts";

export { takesStream } from "./accept.ts";
export { argumentsFault } from "./arguments.ts";
export { isJsonBody, withoutPort } from "./admit.ts";
export {
  type InputRequest,
  asksForInput,
  toInputRequests,
  toNextParams,
  toQuestion,
} from "./ask.ts";
export { readBody } from "./body.ts";
export * from "./record.ts";
export * from "./respond.ts";
export { type RoadSettings, toRoadSettings } from "./settings.ts";
export type { Subscriber, Succession } from "./subscribe.ts";

/** The rooms along the road. */
export interface Rooms {
  readonly approvals: Approvals;
  readonly identity: Identity;
  readonly limits: Limits;
  readonly sessions: Sessions;
  readonly policy: Policy;
  readonly plugins: Plugins;
  readonly upstreams: Upstreams;
  readonly names: Names;
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Crypto;
  readonly seals: Seals;
  /** Fires when the gateway closes: what has no end of its own is ended. */
  readonly draining: Cancellation;
  /** The gateway that comes after this one. */
  readonly succession: Succession;
  /** What callers may see has changed without any upstream; gives back how to stop. */
  readonly onDecided: (act: () => void) => () => void;
}

export interface Road {
  /** Once per message that comes in. */
  readonly arrive: Pipeline<Arrival, Understood>;
  /** Once per round of the exchange. */
  readonly turn: Pipeline<Understood, Reviewed>;
  /** The end of each turn, and of an answer that a stage gave by itself. */
  readonly sanitize: Stage<Sanitizable, Cleaned>;
  /** A refusal's reason, as the client may read it. */
  readonly cleanWhy: ReturnType<typeof whyCleaner>;
  /** After the record. */
  readonly tellPlugins: TellPlugins;
  /** Takes over the streams of the gateway before this one. */
  readonly subscriber: Subscriber;
}

export function buildRoad(rooms: Rooms, settings: RoadSettings): Road {
  const {
    approvals,
    identity,
    limits,
    sessions,
    policy,
    upstreams,
    names,
    clock,
    log,
    crypto,
    seals,
    draining,
    succession,
  } = rooms;
  const { settings: sanitizeSettings, maxResponseBytes } = settings.sanitize;
  const listRules = { settings: sanitizeSettings, maxResponseBytes };
  const sealer = seals("cursor");
  const listPorts = { clock, log, crypto, sealer };
  const lists = createLists(policy, upstreams, names, listRules, listPorts);
  const greeting = { version: settings.version, sanitize: sanitizeSettings };
  const cleanWhy = whyCleaner(settings.sanitize);
  const desk = createPluginDesk(rooms.plugins, log);
  const notes = createNoteReview(desk);
  const greeter = createGreeter(upstreams, sessions, clock, greeting, notes.instructions);
  const sealed = {
    states: createStates({ clock, crypto }, seals),
    tasks: createTasks(crypto, seals),
    tickets: approvals.tickets,
  };
  const known = authenticate(identity, limits);
  const routing = route(policy, upstreams, names, sealed, clock);
  const authorizing = authorize(policy);
  const cleaning = sanitize(settings.sanitize);
  const subscriber = createSubscriber({
    sessions,
    clock,
    draining,
    succession,
    watch: createWatch({ ...rooms, review: notes.news }, lists),
    clean: async (exchange, answer) => {
      const cleaned = await cleaning.run(
        withFact(exchange, { reviewed: answer, cleaned: undefined }),
      );
      if (cleaned.verdict !== "pass") throw new Error("A stream was not cleaned");
      return cleaned.out.answer;
    },
    rejoin: createRejoin({ sessions, policy, known, routing, authorizing }),
  });
  const { isWithheld } = settings.shape;
  const find = (exchange: Consulted, target: OneTarget) =>
    findListed(exchange, target, upstreams, clock, isWithheld);
  const reviewList = createListReview(desk, cleanWhy);
  const answerers = { lists, greeter, subscriber, sessions, reviewList };
  return {
    arrive: pipeline(
      admit(settings.admission),
      known,
      limit(limits),
      read(settings.read, sessions, clock),
    ),
    turn: pipeline(
      routing,
      authorizing,
      shape(policy, upstreams, clock, isWithheld),
      consult(desk),
      reviewReason(judge(policy, settings.judge), notes.reason),
      approve({ approvals, states: sealed.states, crypto, find }, settings.approve),
      meter(limits),
      forward(policy, upstreams, sealed, answerers, clock, settings.forward, {
        crypto,
        config: settings.approve.config,
      }),
      review(desk, names, cleanWhy),
    ),
    sanitize: cleaning,
    cleanWhy,
    tellPlugins: createTellPlugins(rooms.plugins, desk, log),
    subscriber,
  };
}
