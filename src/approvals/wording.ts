/** What a person reads before they approve a call. */
import { toCodePoint } from "../core/index.ts";

export interface CallWords {
  readonly kind: string;
  readonly upstream: string;
  readonly name: string;
  /** JSON text, cleaned. */
  readonly args: string;
  /** JSON text, cleaned: what is sent beside them. */
  readonly more?: string | undefined;
  readonly why?: string | undefined;
}

const maxArgs = 1_000;
const maxName = 200;
const maxWhy = 500;

/**
 * Controls, invisible and direction-changing characters, halves of characters, and what a host that
 * shows Markdown would hide something by: a comment or tag, and where a link leads to. What is
 * written out already stays as it is.
 */
const unsafe =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|<(?!U\+[\dA-F]{4,6}>)|(?<=\])[([]/gu;

/** One line for each thing, so that no argument can look like a line of ours. */
export function toWording({ kind, upstream, name, args, more, why }: CallWords): string {
  const lines = [
    "This call needs your approval.",
    `${kind.charAt(0).toUpperCase()}${kind.slice(1)}: ${quoted(name)}`,
    `Server: ${quoted(upstream)}`,
    `Arguments: ${cutArgs(args)}`,
    ...(more === undefined ? [] : [`Sent with them: ${cutArgs(more)}`]),
    ...(why === undefined ? [] : [`Why: ${cutWhy(why)}`]),
  ];
  return lines.join("\n");
}

/** Who signs what they have not seen should know that. */
export function cutArgs(args: string): string {
  return cutAloud(writeOut(args), maxArgs);
}

/** What a call is for, as another program may show it. */
export function cutTarget(name: string): string {
  return cut(writeOut(name), maxName);
}

export function cutWhy(why: string): string {
  return cut(writeOut(why), maxWhy);
}

function quoted(text: string): string {
  return cutAloud(writeOut(JSON.stringify(text)), maxName);
}

function cutAloud(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${cut(text, max)} (NOT ALL IS SHOWN: ${text.length - max} more characters)`;
}

function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const end = text.slice(0, max);
  return /[\uD800-\uDBFF]$/.test(end) ? `${end.slice(0, -1)}…` : `${end}…`;
}

/** Writes out what would be hidden, or hide something; twice is once. */
export function writeOut(text: string): string {
  return text.replaceAll(unsafe, toCodePoint);
}
