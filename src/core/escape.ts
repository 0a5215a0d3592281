/** Characters that a reader would not see, or that a terminal would obey, written out. */

/** Controls, what is invisible, empty or changes the direction, and halves of characters. */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const controls = /[\p{Cc}\u2028\u2029]/gu;

/** `<U+E0041>`, for people. */
export function toCodePoint(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return `<U+${hex}>`;
}

/** `\udb40\udc41`, unit by unit, as JSON and JavaScript read it. */
export function toUnitEscapes(character: string): string {
  let out = "";
  for (let at = 0; at < character.length; at++) {
    out += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  }
  return out;
}

/** The same JSON, in which a text cannot look like another one. */
export function escapeUnseen(json: string): string {
  return json.replaceAll(unseen, toUnitEscapes);
}

/** A name that came from outside must not move the cursor or begin a line of its own. */
export function escapeControls(text: string): string {
  return text.replaceAll(controls, toUnitEscapes);
}
