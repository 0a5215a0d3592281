/** What the contract promises and this version does not have yet: refused, never ignored. */

/** Keys by the place they stand at; `*` is any name, `#` any index. */
const keys = new Map<string, readonly string[]>([
  ["", "issuers metrics egress".split(" ")],
  ["upstreams.*", "openapi baseUrl credentials contain egress".split(" ")],
  ["clients.*.auth", ["issuer", "claims"]],
  ["clients.*.auth.#", ["issuer", "claims"]],
  ["admin.users.*.auth", ["issuer", "claims"]],
  ["admin.users.*.auth.#", ["issuer", "claims"]],
  ["roles.*", ["claims"]],
  ["rules.#.when", ["claims"]],
  ["rules.#.unless", ["claims"]],
  ["rules.#.sanitize", ["pii"]],
  ["sanitize", ["pii"]],
  ["clients.*.sanitize", ["pii"]],
  ["upstreams.*.sanitize", ["pii"]],
  ["audit", ["signKey", "sinks", "rotate", "keepDays"]],
]);

/** Values that are not there yet, with what to call them. */
const values = new Map<string, (value: unknown) => string | undefined>([
  ["audit.file", (value) => (typeof value === "object" ? "An object" : undefined)],
]);

export function isLaterKey(place: string, key: string): boolean {
  return keys.get(place)?.includes(key) ?? false;
}

/** What the value is called, where it is one that this version does not have. */
export function laterValue(place: string, value: unknown): string | undefined {
  return values.get(place)?.(value);
}
