/** The ground's face: everything outside the process, the same on Node and on Deno. */
import type { HeaderView } from "../mcp/index.ts";
import type { Body, Canceller, Code, Ports } from "../core/index.ts";

export interface Peer {
  /** The address of the socket's other end; undefined where it is gone already. */
  readonly address: string | undefined;
  /** On Node: aborted when the client goes before its answer is complete. */
  readonly gone?: Canceller;
  /** On Node: the headers as its parser has them. */
  readonly headers?: HeaderView;
  /** On Node: the body, without the cost of a web stream. */
  readonly body?: Body;
}

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}
export interface ServeOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly tls?: Tls;
  /** On Deno: others of this process may listen on the same port; the system deals the connections out. */
  readonly reusePort?: boolean;
  readonly fetch: (request: Request, peer: Peer) => Response | Promise<Response>;
  /** A request with more is refused with 431. Default: 16,384. */
  readonly maxHeaderBytes?: number;
  /** From the connection, or the end of the request before, to the end of the headers. Default: 10,000. */
  readonly headersTimeoutMs?: number;
  /** From the headers to the end of the body. Default: 30,000. */
  readonly bodyTimeoutMs?: number;
  /** An answer that the peer does not take is given up after this. Default: 60,000. */
  readonly writeTimeoutMs?: number;
  /** A connection without a request is closed after this; longer than the proxies before us wait. Default: 65,000. */
  readonly keepAliveTimeoutMs?: number;
  /** Hears of each request that was refused before `fetch` saw it. */
  readonly refused?: (code: Code, peer: Peer) => void;
}
export interface Listening {
  readonly host: string;
  readonly port: number;
  /**
   * From here on each answer is the last one of its connection, so that clients and proxies connect
   * anew, elsewhere where there is one; new connections are still taken.
   */
  readonly lookAway: () => void;
  /** New connections get this certificate; false where that takes a new listener (Deno), or there was none. */
  readonly renewTls: (tls: Tls) => boolean;
  /** Takes no new connection, waits for the open requests, then cuts what is left. */
  readonly close: (deadlineMs: number) => Promise<void>;
}
export type Serve = (options: ServeOptions) => Promise<Listening>;

/** What loading a config needs of the outside. */
export interface ConfigFiles {
  /** Undefined where there is no such file. */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** As `readText`, for what should be a file of no great size; rejects for a pipe, and for more than `maxBytes`. */
  readonly readOwn: (path: string, maxBytes: number) => Promise<string | undefined>;
  /** Where a path leads, without links; undefined where nothing is there. */
  readonly realPath: (path: string) => Promise<string | undefined>;
  /** Mode 0600, in a folder that is made where it is missing; rejects where the file exists. */
  readonly writeNew: (path: string, text: string) => Promise<void>;
  /** As `writeNew`, with the modes that the system gives new files and folders, since others read it too. */
  readonly create: (path: string, text: string) => Promise<void>;
  /** As `writeNew`, for a file that may be there: a reader sees the old text or the new one. */
  readonly replace: (path: string, text: string) => Promise<void>;
  /**
   * As `replace`, with the mode that the system gives a new file, since others read it too. It goes by
   * way of `PATH.new`, so one process at a time may.
   */
  readonly publish: (path: string, text: string) => Promise<void>;
  /** A file that is not there is removed already. */
  readonly remove: (path: string) => Promise<void>;
  /** Standard output of a command that is run without a shell; rejects unless it exits with 0. */
  readonly run: (command: readonly string[]) => Promise<string>;
  /** Lower-case hex. */
  readonly sha256: (text: string) => string;
  /** 256 random bits, base64url. */
  readonly randomToken: () => string;
}

/** Held until it is released, or until this process ends. */
export interface FileLock {
  readonly release: () => Promise<void>;
}
export class LockedError extends Error {
  readonly path: string;
  /** The process that holds it, where that is known. */
  readonly pid: number | undefined;
  constructor(path: string, pid: number | undefined) {
    super(`"${path}" is held by ${pid === undefined ? "another process" : `process ${pid}`}`);
    this.path = path;
    this.pid = pid;
  }
}

/** A person who can be asked. */
export interface Terminal {
  readonly isInteractive: () => boolean;
  /** The line that was typed; undefined where the input has ended. */
  readonly ask: (question: string) => Promise<string | undefined>;
}

/** How far something long is, for a person who waits. */
export interface Progress {
  /** Whether standard error is a terminal. */
  readonly isSeen: () => boolean;
  /** Takes the place of what was shown before; an empty text takes it away. */
  readonly show: (text: string) => void;
  /** Bytes of a file; 0 where there is none that this process may see. */
  readonly fileSize: (path: string) => Promise<number>;
}

export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** What a supervisor has of a worker that it started. */
export interface WorkerHandle {
  /** As if the worker had got the signal itself. */
  readonly signal: (name: SignalName) => void;
  /** Ends it at once, and nothing of it is written any more. */
  readonly kill: () => void;
  /** Its exit code; undefined where it was killed, or could not be started. */
  readonly exited: Promise<number | undefined>;
}
export interface WorkerStart {
  /** From 1. */
  readonly index: number;
  /** JSON, for the worker alone: no other process can read it, as it could the environment. */
  readonly init: unknown;
  /** Gets what the worker tells. */
  readonly hear: (message: unknown) => void;
}
/** This program once more with the same arguments: a process on Node, a thread on Deno. */
export type Workers =
  | {
      readonly isWorker: false;
      /** Why there can be none here, and what would help. */
      readonly refusal?: string;
      readonly start: (worker: WorkerStart) => WorkerHandle;
    }
  | {
      readonly isWorker: true;
      readonly index: number;
      readonly init: unknown;
      /** JSON. Settles when it is on its way: a worker may end then. */
      readonly tell: (message: unknown) => Promise<void>;
    };

/** All that a gateway is built on but its store, and what a program needs besides. */
export interface Runtime extends Omit<Ports, "store" | "bus"> {
  readonly name: "node" | "deno";
  readonly config: ConfigFiles;
  /** What a file is now, behind its links, as a text that changes with it; empty where there is none. Never rejects. */
  readonly fingerprint: (path: string) => Promise<string>;
  readonly serve: Serve;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: () => string;
  /** Standard input to its end, as UTF-8; rejects beyond 64 KiB. */
  readonly readInput: () => Promise<string>;
  /** Standard input, to be read once. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** To standard output; settles when the reader's pipe took it, rejects when the reader is gone. */
  readonly stdout: (text: string) => Promise<void>;
  readonly terminal: Terminal;
  readonly progress: Progress;
  /** Takes a lock file; rejects with a `LockedError` where another process has it. */
  readonly lock: (path: string) => Promise<FileLock>;
  /** The process that holds a lock file now; undefined where none does. */
  readonly lockHolder: (path: string) => Promise<number | undefined>;
  readonly pid: number;
  /** In a worker also what its supervisor hands on; where both come, an end is told once. */
  readonly onSignal: (name: SignalName, act: () => void) => void;
  /** Which one this is: the supervisor of workers to come, or one of them. Call it once, and only where workers are asked for. */
  readonly openWorkers: () => Promise<Workers>;
  readonly exit: (code: number) => void;
}
