/** Says why a gateway could not start: what the system calls an error, in words that help. */
import { type LoadedConfig, resolvePath } from "../config/index.ts";
import { LockedError } from "../runtime/index.ts";
import { PluginsError } from "../sandbox/index.ts";
import { AdminListenError } from "../serve.ts";
import { formatFaults } from "./load.ts";

type Started = Pick<LoadedConfig, "config" | "folder">;

/** A line, or one for each fault of the plugins; what is not known here stands as the error says it. */
export function startFault(error: unknown, { config, folder }: Started): string {
  if (error instanceof PluginsError) return formatFaults(error.faults, folder);
  if (error instanceof LockedError) {
    const by = error.pid === undefined ? "another process" : `process ${error.pid}`;
    const file = resolvePath(folder, config.audit.file);
    return `Cannot write the audit file "${file}": ${by} does (stop that one, or name another with audit.file)`;
  }
  const { admin, listen } = config;
  if (error instanceof AdminListenError && admin !== false) {
    const said = listenFault(error.cause, { ...admin, key: "admin" });
    return said ?? `Cannot listen to operators: ${textOf(error.cause)}`;
  }
  const listening = listenFault(error, { ...listen, key: "listen" });
  if (listening !== undefined) return listening;
  const code = codeOf(error);
  const opening = whyNotOpened.get(code);
  if (opening !== undefined) {
    const file = resolvePath(folder, config.audit.file);
    return `Cannot open the audit file "${file}": ${opening} (audit.file names another)`;
  }
  if (
    config.listen.tls !== undefined &&
    /PEM|SSL|TLS|X509|certificate|private key/i.test(textOf(error))
  ) {
    return `Cannot use the files of listen.tls: ${textOf(error)} (both must be PEM, and the key that of the certificate)`;
  }
  return `Cannot start: ${textOf(error)}`;
}

interface Place {
  readonly host: string;
  readonly port?: number | undefined;
  /** Of the config. */
  readonly key: "admin" | "listen";
}

/** Undefined where the error says nothing of listening. */
function listenFault(error: unknown, { host, port, key }: Place): string | undefined {
  const code = codeOf(error);
  const name = host.includes(":") ? `[${host}]` : host;
  const place = port === undefined ? name : `${name}:${port}`;
  const why = whyNotListening.get(code);
  if (why !== undefined) return `Cannot listen on ${place}: ${why(key)}`;
  if (code === "NotCapable" && textOf(error).includes("net access")) {
    return `Cannot listen on ${place}: Deno was not given --allow-net for it`;
  }
  if (!isListen(error)) return undefined;
  const said = code === "EACCES" ? "this user may not use the port" : textOf(error);
  return `Cannot listen on ${place}: ${said} (${key}.port names another)`;
}

const inUse = (key: string): string =>
  `another program listens there, maybe a gateway that still runs (end it, or set ${key}.port)`;
const notHere = (key: string): string => `this machine has no such address (set ${key}.host)`;
const noName = (key: string): string => `no address is known for this name (set ${key}.host)`;
/** By the code of Node, and by the name that Deno's errors have. */
const whyNotListening = new Map([
  ["EADDRINUSE", inUse],
  ["AddrInUse", inUse],
  ["EADDRNOTAVAIL", notHere],
  ["AddrNotAvailable", notHere],
  ["ENOTFOUND", noName],
  ["EAI_AGAIN", noName],
]);
const notAllowed = "this user or process may not write it";
const whyNotOpened = new Map([
  ["ENOENT", "its folder does not exist"],
  ["ENOTDIR", "its folder is a file"],
  ["EISDIR", "it is a folder"],
  ["EACCES", notAllowed],
  ["EPERM", notAllowed],
  ["EROFS", "the file system is read-only"],
  ["NotCapable", "Deno was not given --allow-write for it and its .lock"],
]);

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.name;
}

function isListen(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && error.syscall === "listen";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
