/** What the contract promises and this version does not have yet: refused, never ignored. */

/** Keys by the place they stand at; `*` is any name, `#` any index. */
const keys = new Map<string, readonly string[]>([
  ["", "issuers roles plugins metrics integrity egress".split(" ")],
  ["upstreams.*", "openapi baseUrl credentials contain egress".split(" ")],
  ["clients.*", ["roles"]],
  ["clients.*.auth", ["issuer", "claims"]],
  ["clients.*.auth.#", ["issuer", "claims"]],
  ["admin.users.*.auth", ["issuer", "claims"]],
  ["admin.users.*.auth.#", ["issuer", "claims"]],
  ["rules.#", "set rate mode until roles sanitize timeoutMs".split(" ")],
  ["rules.#.when", ["claims"]],
  ["rules.#.unless", ["claims"]],
  ["rules.#.on", ["input"]],
  ["sanitize", ["pii"]],
  ["clients.*.sanitize", ["pii"]],
  ["upstreams.*.sanitize", ["pii"]],
  ["audit", ["signKey", "sinks", "rotate", "keepDays"]],
]);

/** Values that are not there yet, with what to call them. */
const values = new Map<string, (value: unknown) => string | undefined>([
  ["rules.#.then", (value) => (value === "ask" ? '"ask"' : undefined)],
  ["rules.#.when", aFunction],
  ["rules.#.unless", aFunction],
  ["audit.file", (value) => (typeof value === "object" ? "An object" : undefined)],
]);

export function isLaterKey(place: string, key: string): boolean {
  return keys.get(place)?.includes(key) ?? false;
}

/** What the value is called, where it is one that this version does not have. */
export function laterValue(place: string, value: unknown): string | undefined {
  return values.get(place)?.(value);
}

function aFunction(value: unknown): string | undefined {
  return typeof value === "function" ? "A function" : undefined;
}
