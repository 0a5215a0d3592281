/** Blocks as the admin listener tells of them. */
import type { Block } from "../core/index.ts";
import {
  type Json,
  type JsonObject,
  exactNumber,
  isObject,
  items,
  member,
  stringOf,
} from "../mcp/index.ts";
import type { AdminFault, SendAdmin } from "./admin-way.ts";

/** The latest moment that a date can hold. */
const maxTime = 8_640_000_000_000_000;

export async function listBlocks(send: SendAdmin): Promise<readonly Block[] | AdminFault> {
  const reply = await send({ method: "GET", path: "/blocks" });
  if ("fault" in reply) return reply;
  const blocks = items(member(reply.body, "blocks")).map(parseBlock);
  const good = blocks.filter((block) => block !== undefined);
  return good.length === blocks.length ? good : notABlock;
}

export const notABlock: AdminFault = {
  fault: "The gateway's answer is no block (is it of another version?)",
  code: 1,
};

export function parseBlock(json: Json | undefined): Block | undefined {
  if (!isObject(json)) return undefined;
  const [id, why, by] = ["id", "why", "by"].map((name) => stringOf(member(json, name)));
  const at = timeOf(json, "at");
  const until = timeOf(json, "until");
  if (id === undefined || why === undefined || by === undefined || at === undefined) {
    return undefined;
  }
  const named = (["target", "client", "subject"] as const).flatMap((name) => {
    const value = stringOf(member(json, name));
    return value === undefined ? [] : [[name, value]];
  });
  const what = Object.fromEntries(named) as Pick<Block, "target" | "client" | "subject">;
  return { id, ...what, why, by, at, ...(until === undefined ? {} : { until }) };
}

function timeOf(json: JsonObject, name: string): number | undefined {
  const time = exactNumber(member(json, name));
  return time !== undefined && Math.abs(time) <= maxTime ? time : undefined;
}
