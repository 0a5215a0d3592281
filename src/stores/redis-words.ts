/** What an operator should read where Redis says no. */
import { StoreLost } from "../core/index.ts";

type Row = readonly [RegExp, StoreLost["reason"], string];

/** A code begins the message, or stands behind a dash in what Redis 6 says of a script. */
const replies: readonly Row[] = [
  [/^WRONGPASS|invalid password/, "setup", "the user or the password is wrong"],
  [/^NOAUTH/, "setup", "it asks for a password"],
  [
    /without any password configured|no password is set/,
    "setup",
    "it asks for no password, but the URL has one",
  ],
  [/DB index is out of range|invalid DB index/, "setup", "it has no such database"],
  [
    /(?:^|-)(?:MOVED|ASK|CROSSSLOT|CLUSTERDOWN|TRYAGAIN)\b|in cluster mode/,
    "setup",
    "it is a cluster, and a single server is needed",
  ],
  [/unknown (?:sub)?command/i, "setup", "it lacks a command that is needed (Redis 6.2 has all)"],
  [/max number of clients/, "refused", "it has too many clients"],
  [/(?:^|-)LOADING\b/, "refused", "it is still loading its data"],
  [/(?:^|-)READONLY\b/, "refused", "it is a read-only replica"],
  [/(?:^|-)OOM\b/, "refused", "its memory is full"],
  [/(?:^|-)MASTERDOWN\b/, "refused", "it is a replica that has lost its master"],
  [/(?:^|-)MISCONF\b/, "refused", "it cannot save its data and takes no writes"],
  [/(?:^|-)NOREPLICAS\b/, "refused", "it has too few replicas and takes no writes"],
  [/(?:^|-)(?:BUSY|UNKILLABLE)\b/, "refused", "it is busy with a script"],
];

/**
 * What a failure says of the store as a whole, or undefined where it speaks of one command. Nothing
 * else of a reply is repeated, for it may repeat what was sent, a password or a key.
 */
export function toLoss(error: unknown, shown: string): StoreLost | undefined {
  if (error instanceof StoreLost) return error;
  const lost = (reason: StoreLost["reason"], why: string): StoreLost =>
    new StoreLost(reason, `Cannot use the store at "${shown}": ${why}`);
  if (!(error instanceof Error)) return lost("unreachable", "the connection failed");
  if (error.name !== "ReplyError") return lost("unreachable", toNetworkWords(error));
  const { message } = error;
  // Redis 7 has no code for what a script may not do.
  if (/(?:^|-)NOPERM\b|user executing the script/.test(message))
    return lost("setup", toPermissionWords(message));
  const row = replies.find(([pattern]) => pattern.test(message));
  return row && lost(row[1], row[2]);
}

/** Of one command, where `toLoss` had none. */
export function toFailure(error: unknown): Error {
  const code = /^[A-Z]{1,20}\b/.exec(error instanceof Error ? error.message : "")?.[0];
  return new Error(`The store refused a command${code === undefined ? "" : ` with "${code}"`}`);
}

function toPermissionWords(message: string): string {
  const command = /'([\w|]{1,40})' command/.exec(message)?.[1];
  if (command !== undefined) return `the user may not run "${command}"`;
  if (/can't run this command/.test(message)) return "the user may not run what the scripts run";
  const what = /channel/i.test(message) ? "channels" : "keys";
  return `the user may not use the ${what} below the prefix`;
}

function toNetworkWords(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const words = new Map([
    ["ECONNREFUSED", "nothing listens there"],
    ["ENOTFOUND", "its host is not known"],
    ["EAI_AGAIN", "its host cannot be looked up"],
    ["ECONNRESET", "the connection broke"],
    ["EPIPE", "the connection broke"],
    ["ETIMEDOUT", "it does not answer"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "its certificate is not trusted"],
    ["SELF_SIGNED_CERT_IN_CHAIN", "its certificate is not trusted"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "its certificate is not trusted"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "its certificate is not trusted"],
    ["CERT_HAS_EXPIRED", "its certificate has expired"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another host"],
  ]).get(code);
  if (words !== undefined) return `${words} (${code})`;
  return code === "" ? "the connection broke" : `the connection failed (${code})`;
}
