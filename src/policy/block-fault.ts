/** What is wrong with a block before it is one. */
import type { BlockWish } from "../core/index.ts";
import { isPattern } from "./pattern.ts";

const maxNameLength = 1_024;
const maxWhyLength = 500;

/**
 * What an operator should read, or undefined where nothing is wrong. A block that could never be in
 * force is a fault too: who sets one believes that something is closed. `now` is milliseconds since
 * the epoch.
 */
export function blockFault(wish: BlockWish, now: number): string | undefined {
  const { target, client, subject, why, by, until } = wish;
  if (target !== undefined && !isPattern(target)) {
    return 'The target must be "upstream/name", where "*" stands for any run of characters, or "*" alone';
  }
  for (const [what, name] of Object.entries({ target, client, subject, operator: by })) {
    if (name === undefined) continue;
    if (name === "") return `The ${what} must not be empty`;
    if (name.length > maxNameLength) {
      return `The ${what} has ${name.length} characters, at most ${maxNameLength} are kept`;
    }
  }
  if (why.trim() === "") return "It must say why";
  if (why.length > maxWhyLength) {
    return `The reason has ${why.length} characters, at most ${maxWhyLength} are kept`;
  }
  if (until === undefined) return undefined;
  if (!Number.isSafeInteger(until)) return "The end must be whole milliseconds since the epoch";
  return until <= now ? "The end must be in the time to come" : undefined;
}
