/** Clients of either era whose person answers what the gateway asks. */
import type { ConfigInput } from "../../src/config/index.ts";
import { type JsonAnswer, allowAll, authA, authB, modernRequest, post, tokenA } from "./gateway.ts";

export const elicits = {
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

export interface Said {
  readonly code: string | undefined;
  readonly result: (JsonAnswer["result"] & Record<string, unknown>) | undefined;
  readonly data: Record<string, unknown> | undefined;
  /** Of the gateway's own question. */
  readonly question: string | undefined;
  readonly state: string | undefined;
}

export interface Retry {
  readonly state?: string | undefined;
  readonly action?: string | undefined;
  /** More answers, by key. */
  readonly answers?: object;
}
export interface How extends Retry {
  readonly token?: string;
  readonly name?: string;
  readonly args?: object;
  readonly meta?: object;
  readonly headers?: Record<string, string>;
  readonly method?: string;
}

/** One request of a modern client. */
export async function callModern(url: string, how: How = {}): Promise<Said> {
  const { name = "send", args = { amount: 500 }, state, action, answers } = how;
  const given = {
    ...answers,
    ...(action === undefined ? {} : { "mcp-gw-approval": { action } }),
  };
  const params = {
    name,
    arguments: args,
    ...(Object.keys(given).length === 0 ? {} : { inputResponses: given }),
    ...(state === undefined ? {} : { requestState: state }),
  };
  const meta = (how.meta ?? elicits) as Record<string, unknown>;
  const answer = await post(
    url,
    modernRequest("tools/call", params, { meta, headers: how.headers ?? {} }),
    how.token ?? tokenA,
  );
  return toSaid(answer.json());
}

export function toSaid(json: JsonAnswer): Said {
  const result = json.result as Said["result"];
  const requests = result?.["inputRequests"] as
    | Record<string, { params: { message: string } }>
    | undefined;
  const isError = result?.isError === true;
  const told = isError ? (result["_meta"] as Record<string, string>)["mcp-gw/code"] : undefined;
  return {
    code: json.code ?? json.error?.data.code ?? told,
    data: json.error?.data,
    result,
    question: requests?.["mcp-gw-approval"]?.params.message,
    state: result?.["requestState"] as string | undefined,
  };
}

export type Rules = NonNullable<ConfigInput["rules"]>;

export function configWith(
  url: string,
  rules: Rules,
  more: Partial<ConfigInput> = {},
): ConfigInput {
  return {
    upstreams: { x: { url } },
    clients: {
      a: { auth: authA, allow: { ...allowAll, input: ["elicitation"] } },
      b: { auth: authB, allow: allowAll },
    },
    rules,
    admin: { port: 0 },
    ...more,
  };
}

export const large: Rules = [
  {
    name: "large",
    on: "x/send",
    unless: { args: { amount: { max: 100 } } },
    // eslint-disable-next-line unicorn/no-thenable -- the contract's word
    then: "ask",
    why: "More than 100",
  },
];
