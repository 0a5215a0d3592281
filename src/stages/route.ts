import {
  type Caller,
  type Clock,
  type Deny,
  type FollowedResource,
  type ListTarget,
  type McpRequest,
  type OneTarget,
  type Routed,
  type Stage,
  type SubscriptionTarget,
  type Target,
  type Understood,
  deny,
  pass,
  withFact,
} from "../core/index.ts";
import {
  type JsonObject,
  type ListKind,
  type TargetKind,
  at,
  declaresExtension,
  isObject,
  items,
  member,
  replace,
  setMembers,
  spliced,
  stringOf,
  tasksExtension,
} from "../mcp/index.ts";
import type { Approvals } from "../approvals/index.ts";
import type { Policy } from "../policy/index.ts";
import type { NameCandidate, Names, Upstreams } from "../upstreams/index.ts";
import { toResumed } from "./approval-question.ts";
import { type SettledName, settleName } from "./settle-name.ts";
import type { States } from "./state.ts";
import type { Tasks } from "./task.ts";

/** What clients carry for the gateway. */
export interface Sealed {
  readonly states: States;
  readonly tasks: Tasks;
  /** The gateway's own questions. */
  readonly tickets: Pick<Approvals["tickets"], "open">;
}

const missingTasks = deny("CAPABILITY_MISSING", "The client does not declare the tasks extension", {
  data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
});
const foreignState = deny(
  "STATE_INVALID",
  "The requestState was not given for this request, or is too old",
);
const allLists = new Set(["tools", "prompts", "resources"] as const);
const maxFollowed = 1_000;

/** Which upstream a message is for, and what the thing is called there. */
export function route(
  policy: Policy,
  upstreams: Upstreams,
  names: Names,
  { states, tasks, tickets }: Sealed,
  clock: Clock,
): Stage<Understood, Routed> {
  return {
    name: "route",
    run: async (exchange) => {
      const reachable = reach(exchange);
      const { upstream } = exchange.endpoint;
      if (reachable.length === 0 && upstream !== undefined) {
        const block = whyCutOff(exchange, [upstream]);
        return deny("PATH_UNKNOWN", block ?? "The client reaches no such upstream", {
          recorded: block === undefined ? "POLICY_DENIED" : "BLOCKED",
        });
      }
      const target = await toTarget(exchange, reachable);
      return "verdict" in target ? target : pass(withFact(exchange, { target }));
    },
  };

  /** The upstreams of this endpoint of which the client may use anything at all. */
  function reach({ endpoint, client }: Understood): readonly string[] {
    return upstreams.names.filter(
      (name) =>
        (endpoint.upstream === undefined || endpoint.upstream === name) &&
        policy.reaches({ client: client.name, subject: client.subject }, name),
    );
  }

  /** Outside it is unknown like any other; where a block is why, the record says so. */
  function toUnknown(exchange: Understood, named: readonly string[], why: string): Deny {
    const block = whyCutOff(exchange, named);
    return block === undefined
      ? deny("TARGET_UNKNOWN", why)
      : deny("TARGET_UNKNOWN", block, { recorded: "BLOCKED" });
  }

  function whyCutOff({ client }: Understood, named: readonly string[]): string | undefined {
    const caller = { client: client.name, subject: client.subject };
    return named
      .map((upstream) => policy.whyCutOff(caller, upstream))
      .find((why) => why !== undefined);
  }

  async function toTarget(
    exchange: Understood,
    reachable: readonly string[],
  ): Promise<Target | Deny> {
    const { input } = exchange;
    switch (input.kind) {
      case "request":
        return toRequestTarget(exchange, input, reachable);
      case "response":
        return { kind: "reply" };
      case "stream":
        return { kind: "subscription", upstreams: reachable, lists: allLists, resources: [] };
      case "notification":
      case "close":
        return { kind: "gateway", upstreams: reachable };
    }
  }

  async function toRequestTarget(
    exchange: Understood,
    input: McpRequest,
    reachable: readonly string[],
  ): Promise<Target | Deny> {
    const { does } = input;
    switch (does.what) {
      case "gateway":
        return { kind: "gateway", upstreams: reachable };
      case "list":
        return toList(input, does.list, reachable);
      case "act":
        return toRound(
          exchange,
          input,
          await toOne(exchange, input, does.target, [does.named], reachable),
        );
      case "task":
        return toTask(exchange, input, reachable);
      case "follow":
        return toOne(exchange, input, "resource", ["uri"], reachable);
      case "listen":
        return toSubscription(exchange, input, reachable);
      case "complete":
        break;
    }
    const type = stringOf(at(input.params, "ref", "type"));
    if (type === "ref/prompt") return toOne(exchange, input, "prompt", ["ref", "name"], reachable);
    if (type === "ref/resource") {
      return toOne(exchange, input, "resource", ["ref", "uri"], reachable);
    }
    return deny("PARAMS_INVALID", "params.ref.type must be ref/prompt or ref/resource");
  }

  /** The next round of an exchange: its state is opened, and the upstream's own put in its place. */
  async function toRound(
    { client }: Understood,
    { method, params }: McpRequest,
    target: OneTarget | Deny,
  ): Promise<OneTarget | Deny> {
    if ("verdict" in target) return target;
    const state = stringOf(member(params, "requestState"));
    if (state === undefined) {
      // A server may read answers that it needs no state for; one that may not ask gets none.
      const isUnasked = policy.grants(client.name, target.upstream).size === 0;
      return isUnasked && member(params, "inputResponses") !== undefined
        ? deny("PARAMS_INVALID", "The request answers input that nobody asked for")
        : target;
    }
    const round = { client, method, target };
    const ticket = await tickets.open(state);
    if (ticket !== undefined && params !== undefined) {
      return ticket.binding === states.bindingOf(round)
        ? toResumed(target, ticket, params)
        : foreignState;
    }
    const opened = await states.open(round, state);
    if (opened === undefined) return foreignState;
    const requestState = opened.own === undefined ? undefined : JSON.stringify(opened.own);
    const own = spliced(target.params, setMembers(target.params, { requestState }));
    const { word } = opened;
    return { ...target, params: own as JsonObject, ...(word && { word }) };
  }

  /** The tool whose call became this task, with the task's own id. */
  async function toTask(
    exchange: Understood,
    { params, caller }: McpRequest,
    reachable: readonly string[],
  ): Promise<OneTarget | Deny> {
    if (!declaresExtension(caller.capabilities, tasksExtension)) return missingTasks;
    const named = member(params, "taskId");
    const shown = stringOf(named);
    if (params === undefined || named === undefined || shown === undefined) {
      return deny("PARAMS_INVALID", "params.taskId must be a string");
    }
    const { client } = exchange;
    const task = await tasks.open(client, shown);
    if (task === undefined || !reachable.includes(task.upstream)) {
      const named = task === undefined ? [] : [task.upstream];
      return toUnknown(exchange, named, "The task is not one of this client");
    }
    const isUnasked = policy.grants(client.name, task.upstream).size === 0;
    if (isUnasked && member(params, "inputResponses") !== undefined) {
      return deny("PARAMS_INVALID", "The request answers input that nobody asked for");
    }
    const own = spliced(params, [replace(named, JSON.stringify(task.id))]) as JsonObject;
    const { upstream, tool: name, cleanedBy } = task;
    return { kind: "one", upstream, what: "tool", name, isTemplate: false, params: own, cleanedBy };
  }

  /** What a modern client wants to hear of (2026-07-28, subscriptions). */
  async function toSubscription(
    exchange: Understood,
    input: McpRequest,
    reachable: readonly string[],
  ): Promise<SubscriptionTarget | Deny> {
    const wanted = member(input.params, "notifications");
    if (!isObject(wanted)) return deny("PARAMS_INVALID", "params.notifications must be an object");
    const asksForTasks = member(wanted, "taskIds") !== undefined;
    if (asksForTasks && !declaresExtension(input.caller.capabilities, tasksExtension)) {
      return missingTasks;
    }
    const lists = [...allLists].filter(
      (list) => member(wanted, `${list}ListChanged`)?.node.type === "true",
    );
    const uris = items(member(wanted, "resourceSubscriptions"));
    if (uris.length > maxFollowed) {
      return deny(
        "PARAMS_INVALID",
        `At most ${maxFollowed} resources can be subscribed to at once`,
      );
    }
    const resources: FollowedResource[] = [];
    for (const uri of uris) {
      const shown = stringOf(uri);
      if (shown === undefined) {
        return deny("PARAMS_INVALID", "params.notifications.resourceSubscriptions must be strings");
      }
      const found = await settle(exchange, input.caller, "resource", shown, reachable);
      if (found !== undefined) resources.push({ upstream: found.upstream, uri: found.name, shown });
    }
    return { kind: "subscription", upstreams: reachable, lists: new Set(lists), resources };
  }

  function settle(
    { endpoint, client, signal }: Understood,
    caller: Caller,
    what: TargetKind,
    shown: string,
    reachable: readonly string[],
  ): Promise<SettledName | undefined> | SettledName {
    const { upstream } = endpoint;
    if (upstream !== undefined) return { upstream, name: shown };
    return settleName({
      candidates: candidatesFor(what, shown),
      reachable,
      shown,
      what,
      upstreams,
      caller: { client, caller },
      signal,
      clock,
    });
  }

  function candidatesFor(what: TargetKind, shown: string): readonly NameCandidate[] {
    return what === "resource" ? names.findUri(shown) : names.find(shown);
  }

  /** The thing named at `path` of the parameters, under its upstream's own name. */
  async function toOne(
    exchange: Understood,
    { params, caller }: McpRequest,
    what: TargetKind,
    path: readonly string[],
    reachable: readonly string[],
  ): Promise<OneTarget | Deny> {
    const named = at(params, ...path);
    const shown = stringOf(named);
    if (params === undefined || named === undefined || shown === undefined) {
      return deny("PARAMS_INVALID", `params.${path.join(".")} must be a string`);
    }
    const settled = settle(exchange, caller, what, shown, reachable);
    const found = settled instanceof Promise ? await settled : settled;
    if (found === undefined) {
      const named = candidatesFor(what, shown).map(({ upstream }) => upstream);
      return toUnknown(exchange, named, "No upstream has a thing of this name");
    }
    const isTemplate = path.length > 1 && what === "resource" && found.name.includes("{");
    const own =
      found.name === shown
        ? params
        : (spliced(params, [replace(named, JSON.stringify(found.name))]) as JsonObject);
    if (!isObject(own)) throw new Error("Renamed parameters are no object");
    return {
      kind: "one",
      upstream: found.upstream,
      what,
      name: found.name,
      isTemplate,
      params: own,
    };
  }
}

function toList(
  { params }: McpRequest,
  list: ListKind,
  upstreams: readonly string[],
): ListTarget | Deny {
  const cursor = member(params, "cursor");
  const text = stringOf(cursor);
  if (cursor !== undefined && text === undefined) {
    return deny("CURSOR_INVALID", "The cursor is no string");
  }
  return { kind: "list", list, upstreams, cursor: text };
}
