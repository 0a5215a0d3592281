/** Words in a definition that speak to the model instead of describing the tool. */

/** Matched in the form of `toPlain`. Gaps are bounded, so that no text takes more than linear time. */
const phrases: readonly RegExp[] = [
  // Ignore all previous instructions
  /\b(?:ignore|disregard|forget|override|bypass)(?: (?:all|any|of|the|your|my|our|these|those|every)){0,4} (?:previous|prior|earlier|above|preceding|existing|initial|original|system|safety|security)(?: (?:safety|system|user|security))? (?:instruction|prompt|rule|message|direction|guideline|command|context|polic)/,
  // Do not tell the user
  /\b(?:do not|don't|never|must not)(?: \w+){0,3} (?:tell|inform|mention|reveal|disclose)(?: [\w,]+){0,6} (?:user|human)s?\b/,
  /\b(?:hide|conceal|keep)(?: [\w,]+){0,5} from the (?:user|human)s?\b/,
  // The user has already agreed
  /\b(?:user|human) (?:has )?already (?:approved|consented|authori[sz]ed|agreed|confirmed)/,
  // Before using any other tool
  /\b(?:before|prior to|whenever|when)(?: you)? (?:us|call|invok|runn?|execut)(?:e|ing)? (?:any|all|every|each)(?: of the)?(?: other)? tools?\b/,
  // Marks that set text apart for the model
  /<\/? ?(?:important|system|instructions?|secret|hidden|critical|assistant)(?:[ _](?:prompt|instructions?|message))? ?>/,
  /<\|(?:im_start|im_end|system|user|assistant|endoftext)\|>|<<sys>>|\[\/?inst\]/,
  // Read a key file
  /\b(?:read|reading|open|cat|load|send|include|pass|copy|contents? of|contents? from)\b.{0,80}(?:\.ssh\b|\.aws\/|\.gnupg|\.netrc|\.npmrc|\.kube\/|\.cursor\/|\bmcp\.json|\bid[_ ](?:rsa|ed25519|ecdsa)\b|\/etc\/(?:passwd|shadow)|\.env\b(?!\.))/,
  // Hand out what was said before
  /\b(?:reveal|print|output|repeat|send|include|pass|provide)(?: \w+){0,4} system prompt/,
  /\b(?:send|include|pass|provide|copy)(?: \w+){0,3} (?:entire|full|whole|complete) (?:conversation|chat)/,
];

/** What of a text in the form of `toPlain` speaks to the model, as it stands there. */
export function findPhrase(plain: string): string | undefined {
  for (const phrase of phrases) {
    const found = phrase.exec(plain)?.[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One spelling of what reads alike: compatible characters, case, spaces, what nobody sees. */
export function toPlain(text: string): string {
  return text
    .normalize("NFKC")
    .replaceAll(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "")
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .replaceAll("\u2019", "'")
    .toLowerCase();
}
