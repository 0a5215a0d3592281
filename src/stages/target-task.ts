/** The tool whose call became a task, with the task's own id. */
import {
  type Caller,
  type Deny,
  type McpRequest,
  type OneTarget,
  type Understood,
  deny,
} from "../core/index.ts";
import {
  type JsonObject,
  declaresExtension,
  member,
  replace,
  spliced,
  stringOf,
  tasksExtension,
} from "../mcp/index.ts";
import type { Policy } from "../policy/index.ts";
import { toUnknown } from "./cut-off.ts";
import { refuseUnasked } from "./target-round.ts";
import type { Tasks } from "./task.ts";

const missingTasks = deny("CAPABILITY_MISSING", "The client does not declare the tasks extension", {
  data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
});

/** Of a client that does not say that it knows tasks. */
export function refuseTasks({ capabilities }: Caller): Deny | undefined {
  return declaresExtension(capabilities, tasksExtension) ? undefined : missingTasks;
}

type ToTask = (
  exchange: Understood,
  request: McpRequest,
  reachable: readonly string[],
) => Promise<OneTarget | Deny>;

export function createTaskTargets(policy: Policy, tasks: Pick<Tasks, "open">): ToTask {
  return async (exchange, { params, caller }, reachable) => {
    const refused = refuseTasks(caller);
    if (refused !== undefined) return refused;
    const named = member(params, "taskId");
    const shown = stringOf(named);
    if (params === undefined || named === undefined || shown === undefined) {
      return deny("PARAMS_INVALID", "params.taskId must be a string");
    }
    const { client } = exchange;
    const task = await tasks.open(client, shown);
    if (task === undefined || !reachable.includes(task.upstream)) {
      const owners = task === undefined ? [] : [task.upstream];
      return toUnknown(policy, exchange, owners, "The task is not one of this client");
    }
    const { upstream, tool: name, cleanedBy } = task;
    const unasked = refuseUnasked(policy, client, upstream, params);
    if (unasked !== undefined) return unasked;
    const own = spliced(params, [replace(named, JSON.stringify(task.id))]) as JsonObject;
    return { kind: "one", upstream, what: "tool", name, isTemplate: false, params: own, cleanedBy };
  };
}
