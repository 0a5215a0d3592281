/** `mcp-gw token`: makes bearer tokens, and the hashes that stand in a config instead of them. */
import { defineCommand } from "citty";
import { isClientName } from "../config/index.ts";
import { checkToken, createToken, hashToken } from "../identity/index.ts";
import { openRuntime } from "../runtime/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { consoleOutput } from "./output.ts";
import type { Output } from "./output.ts";

type TokenRuntime = Pick<Runtime, "clock" | "crypto" | "readInput">;

const minTokenLength = 32;
const dayMs = 86_400_000;

const createArgs = {
  client: { type: "string", description: "The client's name in the config", valueHint: "NAME" },
  expires: { type: "string", description: "Days from today, e.g. 90d", valueHint: "DAYS" },
  json: { type: "boolean", description: "Print { client, token, tokenSha256, until }" },
} as const;
const hashArgs = {
  json: { type: "boolean", description: "Print { tokenSha256 }" },
} as const;

const createCommand = defineCommand({
  meta: {
    name: "create",
    description:
      "Makes a token, shown once, e.g. mcp-gw token create --client web-app --expires 90d",
  },
  args: createArgs,
  run: async ({ args }) => {
    const options = { client: args.client, expires: args.expires, json: args.json === true };
    return createClientToken(options, await openRuntime(), consoleOutput);
  },
});

const hashCommand = defineCommand({
  meta: {
    name: "hash",
    description: "Hashes the token on standard input, e.g. mcp-gw token hash < web-app.token",
  },
  args: hashArgs,
  run: async ({ args }) => {
    const options = { json: args.json === true };
    return await hashInput(options, await openRuntime(), consoleOutput);
  },
});

export const tokenCommand = defineCommand({
  meta: { name: "token", description: "Makes and hashes the bearer tokens of clients" },
  subCommands: { create: createCommand, hash: hashCommand },
});

export interface CreateTokenOptions {
  readonly client: string | undefined;
  readonly expires: string | undefined;
  readonly json: boolean;
}

/** The exit code: 0 good, 2 wrong usage. */
export function createClientToken(
  { client, expires, json }: CreateTokenOptions,
  { clock, crypto }: Pick<TokenRuntime, "clock" | "crypto">,
  { out, err }: Output,
): number {
  if (client === undefined || !isClientName(client)) {
    err("--client must be the name of a client, such as web-app");
    return 2;
  }
  const until = expires === undefined ? undefined : dayAfter(expires, clock.now());
  if (expires !== undefined && until === undefined) {
    err("--expires must be a number of days from 1d to 3650d");
    return 2;
  }
  const token = createToken(crypto);
  const tokenSha256 = hashToken(token, crypto);
  if (json) out(JSON.stringify({ client, token, tokenSha256, until }, undefined, 2));
  else {
    const line = `"${client}": { auth: ${authText(tokenSha256, until)} },`;
    out(`${token}\n\nThis is its only copy: give it to "${client}". For the config:\n\n  ${line}`);
  }
  return 0;
}

/** The exit code: 0 good, 1 no token that a config could take. */
export async function hashInput(
  { json }: { readonly json: boolean },
  { crypto, readInput }: Pick<TokenRuntime, "crypto" | "readInput">,
  { out, err }: Output,
): Promise<number> {
  const token = (await readInput()).replace(/\r?\n$/, "");
  const fault = tokenFault(token, crypto);
  if (fault !== undefined) {
    err(fault);
    return 1;
  }
  const tokenSha256 = hashToken(token, crypto);
  if (json) out(JSON.stringify({ tokenSha256 }, undefined, 2));
  else out(`auth: ${authText(tokenSha256, undefined)}`);
  return 0;
}

function tokenFault(token: string, crypto: TokenRuntime["crypto"]): string | undefined {
  if (token.length < minTokenLength) {
    return `The token must be at least ${minTokenLength} characters, is ${token.length}`;
  }
  if (!/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    return "The token holds characters that no bearer token can carry";
  }
  const isMistyped = token.startsWith("mcpgw_") && !checkToken(token, crypto);
  return isMistyped ? "The token's checksum does not fit: it is not complete" : undefined;
}

function authText(tokenSha256: string, until: string | undefined): string {
  const end = until === undefined ? "" : `, until: "${until}"`;
  return `{ tokenSha256: "${tokenSha256}"${end} }`;
}

function dayAfter(expires: string, now: number): string | undefined {
  const days = Number(/^([1-9]\d{0,3})d$/.exec(expires)?.[1] ?? 0);
  if (days < 1 || days > 3650) return undefined;
  return new Date(now + days * dayMs).toISOString().slice(0, 10);
}
