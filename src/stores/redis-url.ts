/** Where the Redis is, and who asks it. */

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  /** PEM; beside it nobody else's certificate is trusted. */
  readonly ca: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The URL without its password. */
  readonly shown: string;
}

const form = '"redis://[[user]:password@]host[:port][/database]", or "rediss:" for TLS';

/**
 * Throws an `Error` that repeats nothing of the URL: where a password was not percent-encoded, its
 * pieces stand in the host, the database or the query.
 */
export function parseRedisUrl(text: string, ca?: string): RedisTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const database = /^\/?(\d{0,5})$/.exec(url?.pathname ?? "?")?.[1];
  const username = decode(url?.username);
  const password = decode(url?.password);
  if (
    url === undefined ||
    !["redis:", "rediss:"].includes(url.protocol) ||
    url.hostname === "" ||
    `${url.search}${url.hash}` !== "" ||
    database === undefined ||
    username === undefined ||
    password === undefined ||
    (username !== "" && password === "")
  ) {
    const hint = "what is special in a password must be percent-encoded";
    throw new Error(`Cannot read the URL of the store: it is not ${form} (${hint})`);
  }
  const port = Number(url.port === "" ? 6379 : url.port);
  const user = username === "" ? "" : `${encodeURIComponent(username)}@`;
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port,
    tls: url.protocol === "rediss:",
    ca,
    username: username === "" ? undefined : username,
    password: password === "" ? undefined : password,
    database: Number(database),
    shown: `${url.protocol}//${user}${url.hostname}:${port}/${Number(database)}`,
  };
}

function decode(part: string | undefined): string | undefined {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return undefined;
  }
}
