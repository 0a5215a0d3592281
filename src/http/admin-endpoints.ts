/** What the admin listener can be asked: exact paths, the right that each needs, what it does. */
import { type BlockWish, type CallWish, type Deny, type Operations, deny } from "../core/index.ts";
import type { AdminEndpoint, AdminRequest, Done, Task } from "./admin-endpoint.ts";
import { parseCallBody, parseCallQuery } from "./admin-explain.ts";
import { decideApproval, listApprovals } from "./admin-approvals.ts";
import { parseWish } from "./admin-wish.ts";

export type { AdminEndpoint, Done, Task } from "./admin-endpoint.ts";
export type AdminPlace = ReadonlyMap<string, AdminEndpoint>;

const approvalPath = /^\/approvals\/([A-Za-z0-9_-]{1,64})$/;
const blockPath = /^\/blocks\/([A-Za-z0-9_-]{1,64})$/;

/** The endpoints of a path by their HTTP method; undefined where there are none. */
export function createAdminPlaces(
  operations: Operations,
): (path: string, query: string) => AdminPlace | undefined {
  const ready = new Map([["GET", readiness(operations)]]);
  const state = new Map([["GET", wholeState(operations)]]);
  const metrics = new Map([["GET", readMetrics(operations)]]);
  const blocks = new Map([
    ["GET", listBlocks(operations)],
    ["POST", addBlock(operations)],
  ]);
  const approvals = new Map([["GET", listApprovals(operations)]]);
  const reload = new Map([["POST", reloadConfig(operations)]]);
  return (path, query) => {
    if (path === "/readyz" && query === "?verbose") return state;
    if (path === "/policy/explain") return explanations(operations, query);
    // A query that nobody looks at could still hold a credential, and end in some log.
    if (query !== "") return undefined;
    switch (path) {
      case "/readyz":
        return ready;
      case "/metrics":
        return metrics;
      case "/blocks":
        return blocks;
      case "/approvals":
        return approvals;
      case "/reload":
        return reload;
      default: {
        const approval = approvalPath.exec(path)?.[1];
        if (approval !== undefined) {
          return new Map([["POST", decideApproval(operations, approval)]]);
        }
        const id = blockPath.exec(path)?.[1];
        return id === undefined ? undefined : new Map([["DELETE", removeBlock(operations, id)]]);
      }
    }
  };
}

function readiness({ state }: Operations): AdminEndpoint {
  const run = (): Done =>
    state().ready ? { status: 200, body: "ok" } : { status: 503, body: "not ready" };
  return { name: "ready", right: "read", plan: () => ({ run }) };
}

function wholeState({ state }: Operations): AdminEndpoint {
  const run = (): Done => {
    const body = state();
    return { status: body.ready ? 200 : 503, body };
  };
  return { name: "state", right: "read", plan: () => ({ run }) };
}

function readMetrics({ metrics }: Operations): AdminEndpoint {
  const run = async (): Promise<Done> => {
    const { text, contentType } = await metrics();
    return { status: 200, body: text, contentType };
  };
  return { name: "metrics", right: "read", plan: () => ({ run }) };
}

function listBlocks({ blocks }: Operations): AdminEndpoint {
  const run = (): Done => ({ status: 200, body: { blocks: blocks.list() } });
  return { name: "blocks.list", right: "read", plan: () => ({ run }) };
}

function addBlock({ blocks, doubts }: Operations): AdminEndpoint {
  return {
    name: "blocks.add",
    right: "operate",
    plan: ({ body, operator, now }) => {
      const wish = parseWish(body, { by: operator.name, now });
      if ("verdict" in wish) return wish;
      const target = describe(wish);
      return {
        target,
        run: async () => {
          try {
            const block = await blocks.add(wish);
            const warnings = doubts(wish);
            const body = warnings.length === 0 ? block : { ...block, warnings };
            return { status: 201, body, target: `${block.id}: ${target}`, why: wish.why };
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            return deny("BLOCKS_FULL", error.message);
          }
        },
      };
    },
  };
}

function removeBlock({ blocks }: Operations, id: string): AdminEndpoint {
  return {
    name: "blocks.remove",
    right: "operate",
    plan: withoutBody({
      target: id,
      run: async () =>
        (await blocks.remove(id))
          ? { status: 204, target: id }
          : deny("BLOCK_UNKNOWN", "No block has this id"),
    }),
  };
}

function reloadConfig({ reload }: Operations): AdminEndpoint {
  const run = async (): Promise<Done> => {
    const outcome = await reload();
    if (outcome.result !== "refused") return { status: 200, body: outcome, why: outcome.result };
    return { status: 409, body: outcome, why: "The new config is refused", failed: true };
  };
  return { name: "reload", right: "operate", plan: withoutBody({ run }) };
}

/** A query is easily asked, and ends in logs on the way; arguments that must not do so are a body. */
function explanations({ explain }: Operations, query: string): AdminPlace {
  const place = (read: (request: AdminRequest) => CallWish | Deny): AdminEndpoint => ({
    name: "policy.explain",
    right: "read",
    plan: (request) => {
      const wish = read(request);
      if ("verdict" in wish) return wish;
      const { client, upstream, name } = wish;
      const target = `client ${JSON.stringify(client)}, call ${JSON.stringify(`${upstream}/${name}`)}`;
      return { target, run: () => ({ status: 200, body: explain(wish) }) };
    },
  });
  const asked = place(() => parseCallQuery(query));
  const sent = place(({ body }) => parseCallBody(body));
  return new Map([["GET", asked], ...(query === "" ? [["POST", sent] as const] : [])]);
}

function withoutBody(task: Task): AdminEndpoint["plan"] {
  return ({ body }) =>
    body === undefined || body.node.members.length === 0
      ? task
      : deny("BODY_INVALID", "The body must be empty, or {}");
}

/** Who stands behind a client is a person, and named in the list of blocks alone. */
function describe({ target, client, subject }: BlockWish): string {
  const parts = [
    ...(target === undefined ? [] : [`target ${JSON.stringify(target)}`]),
    ...(client === undefined ? [] : [`client ${JSON.stringify(client)}`]),
    ...(subject === undefined ? [] : ["one subject"]),
  ];
  return parts.length === 0 ? "everything" : parts.join(", ");
}
