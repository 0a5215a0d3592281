/** Text that is safe on one line of a log and on a terminal. */
import { toUnitEscapes } from "../core/index.ts";

/**
 * What ends a line for some reader, moves its cursor, or hides or turns text: DEL and C1, line and
 * paragraph separators, what has no shape or direction of its own (soft hyphen, zero width and
 * bidirectional marks, fillers, variation selectors, tags), the replacement character (bytes that
 * are no UTF-8 are read as it) and lone surrogates (written as it): the text that is hashed is then
 * exactly the text that is read again.
 */
const unsafe =
  /[\u007f-\u009f\u2028\u2029\ufff9-\uffff\p{Cf}\p{Default_Ignorable_Code_Point}\p{Surrogate}]/gu;
const plain = /^[\x20-\x7e]*$/;

/**
 * The same JSON on one line with the unsafe characters escaped. A raw line break or tab can only
 * be white space in JSON, an unsafe character only part of a string.
 */
export function toLineText(json: string): string {
  if (plain.test(json)) return json;
  return json.replace(/[\t\n\r]/g, " ").replace(unsafe, toUnitEscapes);
}

/** A text as one safe line without quotes, for people; not JSON any more. */
export function toCell(text: string): string {
  return toLineText(JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"'));
}

/** At most `max` UTF-16 units, marked where it was cut. */
export function cutText(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max).replace(/[\ud800-\udbff]$/, "")}…`;
}

const encoder = new TextEncoder();

/** The longest start of `text` that fits `scratch` as UTF-8. */
export function cutBytes(text: string, scratch: Uint8Array): string {
  const { read } = encoder.encodeInto(text, scratch);
  return read === text.length ? text : text.slice(0, read);
}
