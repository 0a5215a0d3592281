/** Zero width joiners and non-joiners that do their work. */

/** Scripts that are shaped by joiners (Unicode 16, sections 9 and 12 to 17). */
const shaped =
  /^[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const emojiBefore = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;
const emojiAfter = /^[\p{Extended_Pictographic}\u2640\u2642\u2695]/u;
const wordOrHidden = /^[\w\u200b-\u200d]/;

const KNOWN = 1;
const SHAPED = 2;
const EMOJI_BEFORE = 4;
const EMOJI_AFTER = 8;
const WORD = 16;
/** Filled as characters are met: a property of a character is slow to ask for. No script or emoji is beyond. */
const traits = new Uint8Array(0x20000);

/** Whether the joiner at `at` shapes a script or an emoji. */
export function joins(text: string, at: number): boolean {
  const before = traitsOf(codePointBefore(text, at));
  const after = traitsOf(text.codePointAt(at + 1));
  if ((before & SHAPED) !== 0 && ((after & SHAPED) !== 0 || (after & WORD) === 0)) return true;
  return (
    text.charCodeAt(at) === 0x200d && (before & EMOJI_BEFORE) !== 0 && (after & EMOJI_AFTER) !== 0
  );
}

function codePointBefore(text: string, at: number): number | undefined {
  const pair = at > 1 ? text.codePointAt(at - 2)! : 0;
  return pair > 0xffff ? pair : at > 0 ? text.charCodeAt(at - 1) : undefined;
}

function traitsOf(codePoint: number | undefined): number {
  if (codePoint === undefined || codePoint >= traits.length) return KNOWN;
  const known = traits[codePoint]!;
  if (known !== 0) return known;
  const character = String.fromCodePoint(codePoint);
  return (traits[codePoint] =
    KNOWN |
    (shaped.test(character) ? SHAPED : 0) |
    (emojiBefore.test(character) ? EMOJI_BEFORE : 0) |
    (emojiAfter.test(character) ? EMOJI_AFTER : 0) |
    (wordOrHidden.test(character) ? WORD : 0));
}
