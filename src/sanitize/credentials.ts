/** The credentials of a config: what no client may ever be told, whatever its settings (law 6). */
import type { Config } from "../config/index.ts";
import { Secret } from "../core/index.ts";
import { decodeBase64 } from "./base64.ts";
import { toSensitiveKey } from "./keys.ts";
import { type Literals, createLiterals } from "./literals.ts";

/**
 * Attack: a server that holds one of the gateway's credentials sends it back, in an answer, an error
 * or the description of a tool, and the client has it. So each is looked for in what every upstream
 * says to every client: headers and variables that are secrets, headers that by their name hold one
 * (those that are added to what plugins fetch, too), plain tokens of clients and operators, the keys,
 * what signs announcements, and what opens the store; `more` is what the gateway made itself.
 * Undefined where there is none.
 */
export function credentialsOf(config: Config, more: readonly string[] = []): Literals | undefined {
  const { upstreams, clients, admin, approvals, keys, plugins, store } = config;
  const values: string[] = [...more];
  for (const upstream of Object.values(upstreams)) {
    if ("url" in upstream) {
      values.push(...credentialsIn(upstream.headers));
    } else {
      for (const value of Object.values(upstream.env)) {
        if (value instanceof Secret) values.push(...partsOf(value.reveal()));
      }
    }
  }
  for (const { grants } of plugins) {
    for (const { headers } of grants.fetch ?? []) values.push(...credentialsIn(headers));
  }
  const operators = admin === false ? [] : Object.values(admin.users);
  for (const { auth } of [...Object.values(clients), ...operators]) {
    if (typeof auth === "string") continue;
    for (const each of Array.isArray(auth) ? auth : [auth]) {
      if ("token" in each) values.push(each.token.reveal());
    }
  }
  values.push(...keys.map((key) => key.reveal()));
  if (approvals.webhook?.secret !== undefined) values.push(approvals.webhook.secret.reveal());
  if (store !== "memory") values.push(...openersOf(store.redis));
  return createLiterals(values);
}

function credentialsIn(headers: Readonly<Record<string, Secret | string>> = {}): readonly string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value instanceof Secret) return partsOf(value.reveal());
    return holdsCredential(name) ? partsOf(value) : [];
  });
}

/** The URL where it is a secret, and the password in it. */
function openersOf(url: Secret | string): readonly string[] {
  const text = url instanceof Secret ? url.reveal() : url;
  const password = URL.canParse(text) ? decodeURIComponent(new URL(text).password) : "";
  return url instanceof Secret ? [text, password] : [password];
}

function holdsCredential(header: string): boolean {
  return /^cookie$/i.test(header) || toSensitiveKey(header) !== undefined;
}

/** A value and what in it opens something by itself: the token, the pair, the password. */
function partsOf(value: string): readonly string[] {
  const [, scheme = "", credential = ""] = /^(\w+) +(\S.*)$/s.exec(value) ?? [];
  if (scheme === "") return [value, ...cookiesOf(value)];
  const pair = /^basic$/i.test(scheme) ? decodeBase64(credential) : undefined;
  const password = pair?.slice(pair.indexOf(":") + 1) ?? "";
  return [value, credential, pair ?? "", password];
}

/** `name=value; name=value` (RFC 6265 section 4.2.1). */
function cookiesOf(value: string): readonly string[] {
  const pairs = value.split("; ");
  if (!pairs.every((pair) => /^[\w-]+=/.test(pair))) return [];
  return pairs.map((pair) => pair.slice(pair.indexOf("=") + 1));
}
