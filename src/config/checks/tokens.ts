/** Tokens: long enough not to be guessed, valid, and of one client each. */
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { ClientConfig } from "../schema.ts";
import type { Checked } from "./subject.ts";

type TokenAuth = Exclude<ClientConfig["auth"], string | readonly unknown[]>;

const minTokenLength = 32;
/** What `Authorization: Bearer` can carry (RFC 6750 section 2.1, b64token). */
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/;

export function checkTokens({ config, context }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, string>();
  for (const [name, client] of Object.entries(config.clients)) {
    for (const { auth, path } of tokensOf(name, client)) {
      const at = [...path, "token" in auth ? "token" : "tokenSha256"];
      if ("token" in auth) findings.push(...checkPlain(auth.token.reveal(), at));
      const hash = "token" in auth ? context.sha256(auth.token.reveal()) : auth.tokenSha256;
      const owner = owners.get(hash);
      if (owner === name) {
        findings.push(finding("warning", at, `"${name}" lists one token twice`));
      } else if (owner !== undefined) {
        findings.push(finding("error", at, `"${name}" and "${owner}" have the same token`));
      } else owners.set(hash, name);
      findings.push(...checkUntil(auth.until, path, context.now));
    }
  }
  return findings;
}

function tokensOf(
  name: string,
  client: ClientConfig,
): readonly { readonly auth: TokenAuth; readonly path: readonly PathKey[] }[] {
  const path = ["clients", name, "auth"];
  if (typeof client.auth === "string") return [];
  if (!Array.isArray(client.auth)) return [{ auth: client.auth, path }];
  return client.auth.map((auth, index) => ({ auth, path: [...path, index] }));
}

function checkPlain(token: string, at: readonly PathKey[]): readonly Finding[] {
  if (token.length < minTokenLength) {
    const message = `Must be at least ${minTokenLength} characters, is ${token.length}`;
    return [finding("error", at, message, "make one with `mcp-gw token create`")];
  }
  if (bearerToken.test(token)) return [];
  return [finding("error", at, "Holds characters that no bearer token can carry")];
}

/** A day counts to its end, in UTC. */
function checkUntil(
  until: string | undefined,
  path: readonly PathKey[],
  now: number,
): readonly Finding[] {
  if (until === undefined) return [];
  const end = Date.parse(`${until}T00:00:00Z`) + 86_400_000;
  if (Number.isNaN(end)) {
    return [finding("error", [...path, "until"], "Must be a day that the calendar has")];
  }
  if (now < end) return [];
  return [finding("warning", [...path, "until"], `The token expired after ${until}`)];
}
