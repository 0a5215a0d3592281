/** Everything outside the house is reached through these; `runtime/` and `stores/` hold the real ones. */
import type { Cancellation } from "./cancellation.ts";

export interface Timer {
  readonly cancel: () => void;
}
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds that only grow, for durations. */
  readonly elapsed: () => number;
  /** Runs `act` once; a pending timer does not keep the process alive. */
  readonly after: (ms: number, act: () => void) => Timer;
}

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;
/** For operators. Never gets a secret, a token or a body. */
export interface Log {
  readonly debug: (message: string, fields?: LogFields) => void;
  readonly info: (message: string, fields?: LogFields) => void;
  readonly warn: (message: string, fields?: LogFields) => void;
  readonly error: (message: string, fields?: LogFields) => void;
}

/** Synchronous primitives; Web Crypto gives digests only as promises. */
export interface Crypto {
  /** Lower-case hex. */
  readonly sha256: (data: string | Uint8Array) => string;
  /** Lower-case hex. */
  readonly hmacSha256: (key: Uint8Array, data: string) => string;
  readonly randomBytes: (count: number) => Uint8Array;
  /** In constant time; false where the lengths differ. */
  readonly equal: (a: Uint8Array, b: Uint8Array) => boolean;
}

/** Bytes that come from outside, to be read once. */
export interface Body {
  /**
   * All of it; undefined where it is larger than `maxBytes`, and then nothing more is taken.
   * Rejects where it breaks off or is cancelled.
   */
  readonly read: (maxBytes: number) => Promise<Uint8Array | undefined>;
  readonly cancel: () => void;
}

export interface EgressRequest {
  readonly url: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Cancels the request, and its body where that has begun. */
  readonly signal: Cancellation;
  /** Until the status line and headers are here. */
  readonly headersTimeoutMs: number;
  /**
   * The connection goes to an address of the Internet, and to the very one that was looked at; a name
   * that has none is unreachable. A host that is written as an address is dialled as it is. Default: false.
   */
  readonly publicOnly?: boolean;
}
/** Its body must be read to its end, as a whole or piece by piece, or cancelled. */
export interface EgressResponse extends Body {
  readonly status: number;
  readonly headers: Pick<Headers, "get">;
  /** Piece by piece, as it comes. */
  readonly body: AsyncIterable<Uint8Array>;
}
/**
 * HTTP to an upstream. A redirect is never followed; it is a response like any other. Rejects with
 * an `EgressError` where no response came.
 */
export interface Egress {
  readonly request: (request: EgressRequest) => Promise<EgressResponse>;
  readonly close: () => Promise<void>;
}
export class EgressError extends Error {
  /** `unreachable`: there was no connection; `broken`: there was one, and something may have arrived. */
  readonly reason: "unreachable" | "broken" | "timeout" | "aborted";
  constructor(reason: EgressError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface SpawnCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment of the child; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
}
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}
export interface Child {
  readonly pid: number;
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Settles when the pipe took the text; rejects when the child is gone. */
  readonly write: (text: string) => Promise<void>;
  readonly closeInput: () => void;
  /** Signals the child's whole process group. */
  readonly kill: (signal: "SIGTERM" | "SIGKILL") => void;
  readonly exited: Promise<ChildExit>;
}
/** Starts a process in a group of its own; rejects where it cannot be started. */
export type Spawn = (command: SpawnCommand) => Promise<Child>;

export interface PackageRequest {
  readonly name: string;
  /** Exact. */
  readonly version: string;
  /** Absolute: where fetched packages are kept, each in a folder of its own. */
  readonly folder: string;
  readonly signal: Cancellation;
}
export interface FetchedPackage {
  /** Its `package.json`, as it was published. */
  readonly manifest: string;
  /** By a path in it; undefined where there is no such file, or it lies outside of the package. */
  readonly find: (path: string) => Promise<PackageFile | undefined>;
}
export interface PackageFile {
  /** Absolute, without links. */
  readonly path: string;
  readonly firstLine: string;
}
/** Programs from npm's registry. */
export interface Packages {
  /**
   * What is kept in the folder, else what the registry has, with what it depends on. Runs no script
   * of any package. Rejects with an `Error` that says why there is none.
   */
  readonly fetch: (request: PackageRequest) => Promise<FetchedPackage>;
  /** How a JavaScript program of a package is run. */
  readonly toCommand: (file: string) => Pick<SpawnCommand, "command" | "args">;
}

export interface AppendFile {
  /** Settles when the operating system has the text. */
  readonly append: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}
export interface Files {
  /** UTF-8; rejects where the file is missing. */
  readonly readText: (path: string) => Promise<string>;
  /** The last `maxBytes` of a file as text, or undefined where there is no file. */
  readonly readTail: (path: string, maxBytes: number) => Promise<string | undefined>;
  /** Names of what stands in a folder, in no order; none where there is no folder. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  /** Lines of a file, one at a time; one of more than 4 Mi UTF-16 units is given as "…". */
  readonly readLines: (path: string) => AsyncIterable<string>;
  /** Opens for appending; creates the file with mode 0600. */
  readonly openAppend: (path: string) => Promise<AppendFile>;
}

/** A token bucket: `capacity` at first, refilled by `perSecond`. */
export interface Bucket {
  readonly key: string;
  readonly capacity: number;
  readonly perSecond: number;
}
/** A bucket, and what it is called towards who is refused for it. */
export interface NamedBucket extends Bucket {
  readonly name: string;
}
export interface Taken {
  readonly ok: boolean;
  /** Whole tokens left in the bucket named by `key` after the take. */
  readonly remaining: number;
  /** Until one token is there again; 0 where one is left. */
  readonly retryAfterMs: number;
  /** The bucket that refused, or the emptiest one. */
  readonly key: string;
}
/**
 * State that instances share. Each value is at most 1 MiB in UTF-8 and expires; one that is larger is
 * a `RangeError`. Each call settles within a second, and rejects with a `StoreLost` where the store
 * is gone.
 */
export interface Store {
  /** Takes one token from every bucket, or none from any. */
  readonly take: (buckets: readonly Bucket[]) => Promise<Taken>;
  /** Rejects where what is kept was changed by hand into something that is no value. */
  readonly get: (key: string) => Promise<string | undefined>;
  readonly set: (key: string, value: string, ttlMs: number) => Promise<void>;
  readonly delete: (key: string) => Promise<void>;
  /** Marks as used: false where something is kept, and that is left as it is. Never done locally. */
  readonly setOnce: (key: string, value: string, ttlMs: number) => Promise<boolean>;
  /** False where not `expected` is kept (undefined: nothing), and what is kept is left as it is. */
  readonly replace: (
    key: string,
    expected: string | undefined,
    next: string,
    ttlMs: number,
  ) => Promise<boolean>;
  readonly close: () => Promise<void>;
}
/**
 * Texts from instance to instance, the sender included: each comes at most once, and one that is sent
 * while an instance has lost the store never comes to it.
 */
export interface Bus {
  /** At most 1 MiB in UTF-8, else a `RangeError`. Rejects with a `StoreLost`. */
  readonly publish: (channel: string, text: string) => Promise<void>;
  /**
   * Settles when it hears; while the store is lost at once, and then it hears from the return on.
   * Resolves to what ends it.
   */
  readonly subscribe: (channel: string, act: (text: string) => void) => Promise<() => void>;
}
/** Its message is for operators: it says what is wrong and names no secret. */
export class StoreLost extends Error {
  /** `setup`: what waiting does not mend, as a wrong password. */
  readonly reason: "unreachable" | "timeout" | "refused" | "setup" | "closed";
  constructor(reason: StoreLost["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What becomes of a thread. */
export interface ThreadEars {
  readonly hear: (message: unknown) => void;
  /** Once, when it has gone without `terminate`; `why` is for operators. */
  readonly ended: (why: string) => void;
}
export interface Thread {
  /** A copy arrives, in order, also where the thread is still starting. */
  readonly post: (message: unknown) => void;
  /** Nothing is heard of it any more. */
  readonly terminate: () => void;
}
/** Threads that run plugins: a module of this program, with as few rights as the runtime can give. */
export interface Threads {
  /** How many can really run at the same time. */
  readonly cores: number;
  /** False where a thread that is busy goes on after `terminate`, unheard (Deno). */
  readonly endsBusy: boolean;
  /** How long it pays to keep an event loop from sleeping for what another thread says; 0 for never. */
  readonly momentMs: number;
  /** Acts once the event loop has done what there is to do, and does not let it sleep before. */
  readonly turn: (act: () => void) => void;
  readonly start: (ears: ThreadEars) => Thread;
}

/** What a gateway is built on. */
export interface Ports {
  readonly clock: Clock;
  readonly log: Log;
  readonly crypto: Crypto;
  readonly egress: Egress;
  readonly spawn: Spawn;
  readonly packages: Packages;
  readonly files: Files;
  readonly threads: Threads;
  readonly store: Store;
  /** Absent where this instance is alone. */
  readonly bus?: Bus | undefined;
}
