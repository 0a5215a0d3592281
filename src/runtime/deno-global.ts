/** The few words of the `Deno` global that the runtime speaks. */
export interface DenoServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  readonly finished: Promise<void>;
  /** Takes no connection any more and waits for what is under way; cannot be cut short, by `signal` neither. */
  readonly shutdown: () => Promise<void>;
}
export interface DenoServeOptions {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  /** Ends the process, and cannot be caught, where `--unstable-net` was not given. */
  readonly reusePort?: boolean;
  /** Closes the listener and every connection at once. */
  readonly signal: AbortSignal;
  readonly onListen: () => void;
  readonly onError: (error: unknown) => Response;
}
export interface DenoServeInfo {
  readonly remoteAddr: { readonly hostname?: string };
  /** Settles when the answer has been sent, or cannot be. */
  readonly completed: Promise<void>;
}
export interface DenoGlobal {
  readonly serve: (
    options: DenoServeOptions,
    handler: (request: Request, info: DenoServeInfo) => Response | Promise<Response>,
  ) => DenoServer;
  /** There with `--unstable-net` alone. */
  readonly listenDatagram?: unknown;
}

/** Undefined on every other runtime. */
export function denoGlobal(): DenoGlobal | undefined {
  return (globalThis as { Deno?: DenoGlobal }).Deno;
}
