/** What operators take away at once, whatever the config allows. */

/** All that it names must fit; one that names nothing takes away everything. */
export interface Block {
  readonly id: string;
  /** A pattern `upstream/name`, as in the config; absent: every target. */
  readonly target?: string;
  /** A client's name in the config; absent: every client. */
  readonly client?: string;
  /** Who stands behind a client; absent: everybody. */
  readonly subject?: string;
  /** For the record and for operators; a caller never reads it. */
  readonly why: string;
  /** The operator who set it. */
  readonly by: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Milliseconds since the epoch from which it holds no longer; absent: until it is taken back. */
  readonly until?: number;
}
export type BlockWish = Omit<Block, "id" | "at">;

/** The blocks that are in force on every instance. */
export interface BlockList {
  readonly list: () => readonly Block[];
  /**
   * Settles when it is kept where every instance reads it. Rejects with a `StoreLost` where it cannot
   * be kept, and with a `RangeError` over 1,000 blocks.
   */
  readonly add: (wish: BlockWish) => Promise<Block>;
  /** False where there is none of this id. Rejects with a `StoreLost`. */
  readonly remove: (id: string) => Promise<boolean>;
}
