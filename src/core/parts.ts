/** Texts that are longer than what is sealed and sent at once. */

/** In UTF-16 units: three bytes each, in base64, stay below what a sealer opens. */
const maxPart = 96 * 1024;

/** The parts of a text, at least one; no character of two units is cut in two. */
export function toParts(text: string): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  while (text.length - start > maxPart) {
    const last = text.charCodeAt(start + maxPart - 1);
    const isCut = last >= 0xd800 && last <= 0xdbff;
    const end = start + maxPart - (isCut ? 1 : 0);
    parts.push(text.slice(start, end));
    start = end;
  }
  return [...parts, text.slice(start)];
}
