const encoder = new TextEncoder();
const ascii = /^[\0-\x7f]*$/;

/** How many bytes a text is in UTF-8. */
export function utf8Length(text: string): number {
  return ascii.test(text) ? text.length : encoder.encode(text).byteLength;
}
