/** Addresses that run where they are opened (WHATWG URL section 4.4, how browsers read a scheme). */

/** Also behind the prefix of an upstream that clients see before its URIs, in case they take it off. */
const script =
  /^(?:[a-z0-9][a-z0-9._-]*\+)?(?:javascript:|vbscript:|data:(?:text\/html|application\/xhtml\+xml)(?![\w.+-]))/;
/** A prefix, and the longest of what comes after it. */
const MAX_OPENING = 128;
const usual = /^(?:https?|file):/;

/**
 * Attack: a link or an icon that carries a script, which a host runs as its own when a person opens
 * it. Pictures in `data:` stay.
 */
export function isScriptUri(uri: string): boolean {
  return !usual.test(uri) && script.test(openingOf(uri));
}

/** The first characters without blanks and unseen ones, which readers skip or cleaning takes out. */
function openingOf(uri: string): string {
  let opening = "";
  for (const character of uri) {
    if (/[\p{C}\p{Z}]/u.test(character)) continue;
    opening += character;
    if (opening.length >= MAX_OPENING) break;
  }
  return opening.toLowerCase();
}
