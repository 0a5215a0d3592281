/** What an upstream wrote, made fit for a record or a log line. */

/** At most `max` characters, without control characters and line breaks. */
export function quote(text: string, max = 200): string {
  const plain = text.slice(0, max * 2).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ");
  const cut = plain.length > max ? `${plain.slice(0, max - 1)}…` : plain;
  return cut.trim();
}

/** The text without any of the secrets; short ones would blank innocent text. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= 4)
    .reduce((out, secret) => out.replaceAll(secret, "[secret]"), text);
}
