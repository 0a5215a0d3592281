/** The headers of a request: a `Headers` object, or a cheaper view of what a server has parsed. */
export interface HeaderView {
  /** The value, joined by `, ` where the header came several times; null where it did not come. */
  readonly get: (name: string) => string | null;
  /** Names in lower case. */
  readonly keys: () => Iterable<string>;
}
