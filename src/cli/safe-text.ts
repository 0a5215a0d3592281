/** What a server says, so that it can neither move the cursor of who reads it nor hide from them. */
import { toCodePoint } from "../core/index.ts";

/** Controls, what is invisible, empty or changes the direction, and halves of characters. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Lines and tabs stay; everything that a terminal could obey is written out. */
export function toSafeText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replaceAll(unsafe, (character) =>
      character === "\n" || character === "\t" ? character : toCodePoint(character),
    );
}

/** The same on one line, cut to `max` characters. */
export function toSafeLine(text: string, max: number): string {
  const line = toSafeText(text.trim().replaceAll(/\s+/g, " "));
  return line.length <= max ? line : `${line.slice(0, max - 1)}…`;
}
