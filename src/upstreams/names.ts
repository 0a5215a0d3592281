/** Names and URIs as clients of `/mcp` see them: a pure function of the config. */
import type { Config } from "../config/index.ts";
import type { Ports } from "../core/index.ts";

const MAX_NAME = 64;
const HASH_CHARS = 8;
const KEPT_CHARS = MAX_NAME - HASH_CHARS - 1;

/** What a shown name may mean. */
export interface NameCandidate {
  readonly upstream: string;
  /** The upstream's own name; undefined where a shortened name hides it. */
  readonly name: string | undefined;
  /** Whether the upstream's own `key` is what is shown as `shown`. */
  readonly shows: (key: string, shown: string) => boolean;
}
export interface UriCandidate extends NameCandidate {
  readonly name: string;
}

export interface Names {
  /** `<prefix>__<name>`; longer than 64 characters: 55 of them and a hash of the whole. */
  readonly show: (upstream: string, name: string) => string;
  readonly find: (shown: string) => readonly NameCandidate[];
  /** `<prefix>+<uri>`; also for URI templates. */
  readonly showUri: (upstream: string, uri: string) => string;
  readonly findUri: (shown: string) => readonly UriCandidate[];
}

export function createNames(config: Config, ports: Pick<Ports, "crypto">): Names {
  const prefixes = new Map<string, string>();
  const owners = new Map<string, string[]>();
  for (const [upstream, { expose }] of Object.entries(config.upstreams)) {
    const prefix = expose.prefix ?? upstream;
    prefixes.set(upstream, prefix);
    owners.set(prefix, [...(owners.get(prefix) ?? []), upstream]);
  }
  const prefixOf = (upstream: string) => prefixes.get(upstream) ?? upstream;
  const ownersOf = (prefix: string) => owners.get(prefix) ?? [];

  const show = (upstream: string, name: string) => {
    const prefix = prefixOf(upstream);
    const full = prefix === "" ? name : `${prefix}__${name}`;
    if (full.length <= MAX_NAME) return full;
    return `${full.slice(0, KEPT_CHARS)}_${ports.crypto.sha256(full).slice(0, HASH_CHARS)}`;
  };
  const showUri = (upstream: string, uri: string) => {
    const prefix = prefixOf(upstream);
    return prefix === "" ? uri : `${prefix}+${uri}`;
  };

  const find = (shown: string): NameCandidate[] => {
    const found: NameCandidate[] = [];
    const add = (upstream: string, name: string | undefined) =>
      found.push({ upstream, name, shows: (key) => show(upstream, key) === shown });
    if (shown.length > MAX_NAME) return found;
    for (const upstream of ownersOf("")) if (shown !== "") add(upstream, shown);
    for (let at = shown.indexOf("__", 1); at > 0; at = shown.indexOf("__", at + 1)) {
      const name = shown.slice(at + 2);
      if (name === "") continue;
      for (const upstream of ownersOf(shown.slice(0, at))) add(upstream, name);
    }
    if (isShortened(shown)) {
      for (const [upstream, prefix] of prefixes) {
        const start = prefix === "" ? "" : `${prefix}__`.slice(0, KEPT_CHARS);
        if (shown.startsWith(start)) add(upstream, undefined);
      }
    }
    return found;
  };
  const findUri = (shown: string): UriCandidate[] => {
    const add = (upstream: string, name: string): UriCandidate => ({
      upstream,
      name,
      shows: (key) => showUri(upstream, key) === shown,
    });
    const found = shown === "" ? [] : ownersOf("").map((upstream) => add(upstream, shown));
    const plus = shown.indexOf("+");
    const uri = shown.slice(plus + 1);
    if (plus < 1 || uri === "") return found;
    return [...found, ...ownersOf(shown.slice(0, plus)).map((upstream) => add(upstream, uri))];
  };
  return { show, find, showUri, findUri };
}

function isShortened(shown: string): boolean {
  return shown.length === MAX_NAME && /_[0-9a-f]{8}$/.test(shown);
}
