/** Tokens: long enough not to be guessed, valid, and of one client or one admin user each. */
import { finding } from "../fault.ts";
import type { Finding, PathKey } from "../fault.ts";
import type { AdminUserConfig, ClientConfig, Config } from "../schema.ts";
import type { Checked } from "./subject.ts";
import { checkUntil } from "./until.ts";

type TokenAuth = Exclude<AdminUserConfig["auth"], readonly unknown[]>;

const minTokenLength = 32;
/** What `Authorization: Bearer` can carry (RFC 6750 section 2.1, b64token). */
const bearerToken = /^[A-Za-z0-9._~+/-]+=*$/;

/** Whoever is told apart by a token: a client, or a user of the admin listener. */
interface Holder {
  readonly label: string;
  readonly auth: ClientConfig["auth"] | AdminUserConfig["auth"];
  readonly path: readonly PathKey[];
}

export function checkTokens({ config, context }: Checked): readonly Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, Holder>();
  for (const holder of holdersOf(config)) {
    for (const { auth, path } of tokensOf(holder)) {
      const at = [...path, "token" in auth ? "token" : "tokenSha256"];
      if ("token" in auth) findings.push(...checkPlain(auth.token.reveal(), at));
      const hash = "token" in auth ? context.sha256(auth.token.reveal()) : auth.tokenSha256;
      const owner = owners.get(hash);
      if (owner === holder) {
        findings.push(finding("warning", at, `${holder.label} lists one token twice`));
      } else if (owner !== undefined) {
        const message = `${holder.label} and ${owner.label} have the same token`;
        findings.push(finding("error", at, message));
      } else owners.set(hash, holder);
      findings.push(...checkUntil("The token", auth.until, path, context.now));
    }
  }
  return findings;
}

function holdersOf({ clients, admin }: Config): readonly Holder[] {
  const users = admin === false ? {} : admin.users;
  return [
    ...Object.entries(clients).map(([name, { auth }]) => ({
      label: `"${name}"`,
      auth,
      path: ["clients", name, "auth"],
    })),
    ...Object.entries(users).map(([name, { auth }]) => ({
      label: `"admin.users.${name}"`,
      auth,
      path: ["admin", "users", name, "auth"],
    })),
  ];
}

function tokensOf({
  auth,
  path,
}: Holder): readonly { readonly auth: TokenAuth; readonly path: readonly PathKey[] }[] {
  if (typeof auth === "string") return [];
  if (!Array.isArray(auth)) return [{ auth, path }];
  return auth.map((each, index) => ({ auth: each, path: [...path, index] }));
}

function checkPlain(token: string, at: readonly PathKey[]): readonly Finding[] {
  if (token.length < minTokenLength) {
    const message = `Must be at least ${minTokenLength} characters, is ${token.length}`;
    return [finding("error", at, message, "make one with `mcp-gw token create`")];
  }
  if (bearerToken.test(token)) return [];
  return [finding("error", at, "Holds characters that no bearer token can carry")];
}
