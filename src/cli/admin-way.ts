/** How the commands of operators reach the gateway that runs: its admin listener, and the credential. */
import type { RefusedConfig } from "../config/index.ts";
import { type JsonObject, isObject, member, parseJson, readText, stringOf } from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { formatFaults, locateConfig } from "./load.ts";
import { whyFailed } from "./mcp-client.ts";
import type { Output } from "./output.ts";
import { findHolder, leadsHere } from "./run-file.ts";
import { toSafeLine } from "./safe-text.ts";

export const adminArgs = {
  admin: {
    type: "string",
    description:
      "The admin listener of a gateway elsewhere; its token stands in MCP_GW_ADMIN_TOKEN (default: the gateway that runs on the config)",
    valueHint: "URL",
  },
  config: toConfigArgs("The config").config,
} as const;

export interface AdminWhere {
  readonly admin?: string | undefined;
  readonly config?: string | undefined;
}
export interface AdminCommand {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** 5,000 by default. */
  readonly deadlineMs?: number;
}
export interface AdminReply {
  readonly status: number;
  /** Undefined where the answer has no body. */
  readonly body: JsonObject | undefined;
}
/** Why there is no answer to go on with, and the exit code for it. */
export interface AdminFault {
  readonly fault: string;
  readonly code: 1 | 2;
}
export type SendAdmin = (command: AdminCommand) => Promise<AdminReply | AdminFault>;

export type AdminRuntime = Pick<
  Runtime,
  "clock" | "config" | "cwd" | "env" | "lockHolder" | "files"
>;

const defaultDeadlineMs = 5_000;
const maxAnswerBytes = 16 * 1024 * 1024;
const tokenName = "MCP_GW_ADMIN_TOKEN";

/** Runs what a command does with the gateway, and gives the exit code. */
export async function withAdmin(
  where: AdminWhere,
  runtime: AdminRuntime,
  { err }: Output,
  act: (send: SendAdmin) => Promise<number | AdminFault>,
): Promise<number> {
  const door = await findDoor(where, runtime);
  const ended = "fault" in door ? door : await act((command) => send(door, command));
  if (typeof ended === "number") return ended;
  err(ended.fault);
  return ended.code;
}

interface Door {
  readonly url: string;
  readonly token: string;
  /** Where the token comes from, for who is told that it is wrong. */
  readonly source: string;
}

async function findDoor(where: AdminWhere, runtime: AdminRuntime): Promise<Door | AdminFault> {
  const given = runtime.env[tokenName];
  const ours = given === undefined || given === "" ? undefined : given;
  if (where.admin === undefined) return findOwnDoor(where, ours, runtime);
  if (!/^https?:\/\//.test(where.admin) || !URL.canParse(where.admin)) {
    const fault = `Cannot use --admin "${where.admin}": it must be a URL such as http://127.0.0.1:8081`;
    return { fault, code: 2 };
  }
  if (ours !== undefined) return { url: where.admin, token: ours, source: tokenName };
  return { fault: `--admin needs the token of an operator in ${tokenName}`, code: 2 };
}

async function findOwnDoor(
  { config }: AdminWhere,
  given: string | undefined,
  runtime: AdminRuntime,
): Promise<Door | AdminFault> {
  const place = await locateConfig(runtime, config);
  if (isRefused(place)) return { fault: formatFaults(place.faults, runtime.cwd()), code: 2 };
  const running = await findHolder(place, runtime);
  if (running === undefined) {
    const fault = `No gateway runs on "${place.file}" (--config FILE names another, --admin URL a gateway elsewhere)`;
    return { fault, code: 1 };
  }
  const { pid, admin } = running;
  if (admin === undefined) {
    const fault = `The gateway that runs here (process ${pid}) has no admin listener (its config has admin: false)`;
    return { fault, code: 1 };
  }
  const { url } = admin;
  if (!leadsHere(url)) {
    const fault = `The admin listener of the gateway that runs here (process ${pid}) is on ${toSafeLine(url, 300)}: say so with --admin, and its token in ${tokenName}`;
    return { fault, code: 2 };
  }
  // Where it has a token of its own there are no operators by name, and no other token is good.
  if (admin.token !== undefined) return { url, token: admin.token, source: ".mcp-gw/run.json" };
  if (given !== undefined) return { url, token: given, source: tokenName };
  const fault = `The gateway that runs here (process ${pid}) has operators of its own: ${tokenName} must hold the token of one`;
  return { fault, code: 2 };
}

function isRefused(place: object): place is RefusedConfig {
  return "faults" in place;
}

/** A redirect is never followed: it would take the token to wherever it points. */
async function send(
  { url, token, source }: Door,
  { method, path, body, deadlineMs = defaultDeadlineMs }: AdminCommand,
): Promise<AdminReply | AdminFault> {
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: "manual",
      signal: AbortSignal.timeout(deadlineMs),
    });
    return await toReply(response, url, source);
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `no answer in ${deadlineMs / 1000} s` : toSafeLine(whyFailed(error), 300);
    const unknown = method === "GET" ? "" : "; whether it was done is not known";
    return { fault: `Cannot reach the admin listener on ${url}: ${why}${unknown}`, code: 1 };
  }
}

async function toReply(
  response: Response,
  url: string,
  source: string,
): Promise<AdminReply | AdminFault> {
  const { status, headers } = response;
  const type = headers.get("content-type") ?? "";
  const text = response.body === null ? "" : await readText(response.body, maxAnswerBytes);
  const parsed = parseJson(text);
  const body = parsed.ok && isObject(parsed.json) ? parsed.json : undefined;
  if (status === 401) {
    return { fault: `The token of ${source} is not accepted by ${url}${codeText(body)}`, code: 1 };
  }
  const code = stringOf(member(body, "code"));
  // So says a listener of clients too.
  const isPlace = code !== "PATH_UNKNOWN";
  if (type === "application/problem+json" && body !== undefined && isPlace) {
    return { fault: problemText(body), code: status === 400 ? 2 : 1 };
  }
  const isOurs = status === 204 || (type === "application/json" && body !== undefined);
  // A reload that was refused is an answer too.
  const isAnswer = (status >= 200 && status < 300) || status === 409;
  if (isOurs && isAnswer) return { status, body };
  return { fault: `No admin listener of mcp-gw answers on ${url} (HTTP ${status})`, code: 1 };
}

function codeText(body: JsonObject | undefined): string {
  const code = stringOf(member(body, "code"));
  return code === undefined ? "" : ` (${toSafeLine(code, 40)})`;
}

function problemText(body: JsonObject): string {
  const [code = "", title = "", detail] = ["code", "title", "detail"].map((name) =>
    stringOf(member(body, name)),
  );
  const text = `${code}: ${title}${detail === undefined ? "" : ` (${detail})`}`;
  return toSafeLine(text, 1_000);
}
