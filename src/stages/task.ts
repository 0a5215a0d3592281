/** The ids of tasks as clients carry them, sealed to their owner. */
import type { ClientIdentity, Crypto, McpInput, Seals } from "../core/index.ts";
import {
  type JsonObject,
  at,
  items,
  member,
  parseJson,
  setMembers,
  spliced,
  stringOf,
} from "../mcp/index.ts";

export interface Task {
  readonly upstream: string;
  /** The upstream's own name of the tool whose call became the task. */
  readonly tool: string;
  /** The upstream's own id. */
  readonly id: string;
  /** The rules that clean what the call answers, by name. */
  readonly cleanedBy: readonly string[];
}
export interface Tasks {
  readonly seal: (client: ClientIdentity, task: Task) => Promise<string>;
  /** Undefined for an id that is not ours, or another's. */
  readonly open: (client: ClientIdentity, sealed: string) => Promise<Task | undefined>;
}

const maxIdLength = 4_096;

/**
 * Whoever knows a task's id can read its result, and servers often count theirs (state handle
 * hijacking, MCP security best practices). So the client gets an id that only it can use, and that
 * says which upstream and tool it belongs to. Servers keep tasks as long as they like, so it does
 * not expire.
 */
export function createTasks(crypto: Crypto, seals: Seals): Tasks {
  const sealer = seals("task");
  const ownerOf = ({ name, subject }: ClientIdentity): string =>
    crypto.sha256(JSON.stringify([name, subject ?? null]));
  return {
    seal: (client, task) => sealer.seal(JSON.stringify({ ...task, owner: ownerOf(client) })),
    open: async (client, sealed) => {
      const text = await sealer.open(sealed);
      const parsed = text === undefined ? undefined : parseJson(text);
      if (parsed?.ok !== true || stringOf(at(parsed.json, "owner")) !== ownerOf(client)) {
        return undefined;
      }
      const [upstream, tool, id] = ["upstream", "tool", "id"].map((key) =>
        stringOf(at(parsed.json, key)),
      );
      if (upstream === undefined || tool === undefined || id === undefined) return undefined;
      const cleanedBy = items(at(parsed.json, "cleanedBy")).flatMap((rule) => stringOf(rule) ?? []);
      return { upstream, tool, id, cleanedBy };
    },
  };
}

/** Whether it sees to a task, and so to a call that was decided when it was made. */
export function isOfTask(input: McpInput): boolean {
  return input.kind === "request" && input.does.what === "task";
}

/** The upstream's own id in a result about a task; undefined where there is none to be carried. */
export function taskIdOf(result: JsonObject): string | undefined {
  const id = stringOf(member(result, "taskId"));
  return id === undefined || id.length > maxIdLength ? undefined : id;
}

export function withTaskId(result: JsonObject, shown: string): JsonObject {
  return spliced(result, setMembers(result, { taskId: JSON.stringify(shown) })) as JsonObject;
}
