/** What the test client tries: for each client of the demo, what it may do and what it may not. */

export interface Step {
  /** Undefined comes without a token. */
  readonly client: string | undefined;
  /** As policy names it: `upstream/name`, or `upstream/uri` of a resource; undefined for a list. */
  readonly target: string | undefined;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly expect: Expectation;
  /** Sent again until it is refused, this often at most. */
  readonly repeat?: number;
}
/** What has to come out; an allowed call without `redactions` or `names` may answer anything. */
export interface Expectation {
  /** The code of the refusal; undefined is allowed. */
  readonly code?: string;
  /** At least so many secrets are gone. */
  readonly redactions?: number;
  /** The tools of a list, exactly. */
  readonly names?: readonly string[];
}

/** Upstreams and clients that a config must have for the walk to make sense. */
export const demoUpstreams: readonly string[] = ["weather", "database", "ai-tools", "http-api"];
export const demoClients: readonly string[] = ["web-app", "mobile-app", "cli-tool", "api-client"];

const denied = { code: "RULE_DENIED" } as const;
const hidden = { code: "TARGET_UNKNOWN" } as const;

function tools(client: string, names: readonly string[]): Step {
  return { client, target: undefined, method: "tools/list", params: {}, expect: { names } };
}

function tool(
  client: string | undefined,
  target: `${string}/${string}`,
  args: Readonly<Record<string, unknown>>,
  expect: Expectation = {},
): Step {
  const name = target.replace("/", "__");
  return { client, target, method: "tools/call", params: { name, arguments: args }, expect };
}

export const demoWalk: readonly Step[] = [
  tool(undefined, "weather/current", { city: "Bern" }, { code: "TOKEN_MISSING" }),

  tools("web-app", ["ai-tools__count_tokens", "weather__current", "weather__forecast"]),
  tool("web-app", "weather/current", { city: "Bern" }),
  {
    client: "web-app",
    target: "weather/weather://oslo/now",
    method: "resources/read",
    params: { uri: "weather+weather://oslo/now" },
    expect: {},
  },
  tool("web-app", "database/query", { sql: "select * from customers" }, hidden),

  tools("mobile-app", ["weather__current", "weather__forecast"]),
  tool("mobile-app", "weather/forecast", { city: "Lima", days: 3 }),
  tool("mobile-app", "weather/forecast", { city: "Lima", days: 7 }, denied),
  {
    ...tool("mobile-app", "weather/current", { city: "Lima" }, { code: "RATE_EXCEEDED" }),
    repeat: 30,
  },

  tools("cli-tool", [
    "ai-tools__count_tokens",
    "ai-tools__summarize",
    "database__delete_rows",
    "database__query",
    "database__tables",
  ]),
  tool("cli-tool", "database/query", { sql: "select name, city from customers" }),
  tool("cli-tool", "database/query", { sql: "select * from integrations" }, { redactions: 2 }),
  tool("cli-tool", "database/query", { sql: "delete from customers" }, denied),
  tool("cli-tool", "database/delete_rows", { table: "customers", where: "id = 1" }, denied),
  tool("cli-tool", "ai-tools/count_tokens", { text: 7 }, { code: "ARGUMENTS_INVALID" }),
  tool("cli-tool", "ai-tools/summarize", { text: "Gateways stand in between. They decide." }),
  tool("cli-tool", "weather/current", { city: "Bern" }, hidden),

  tools("api-client", ["http-api__create_ticket", "http-api__get_user"]),
  tool("api-client", "http-api/get_user", { id: 1 }, { redactions: 1 }),
  tool(
    "api-client",
    "http-api/create_ticket",
    { title: "Printer", priority: "low" },
    { redactions: 1 },
  ),
  tool("api-client", "http-api/create_ticket", { title: "Fire", priority: "high" }, denied),
];

/**
 * For a config of somebody's own: nothing is called, each client sees its list. Where a client is
 * anonymous, nobody comes without being one.
 */
export function walkOf(
  clients: readonly string[],
  { hasAnonymous }: { readonly hasAnonymous: boolean },
): readonly Step[] {
  const list = { target: undefined, method: "tools/list", params: {} };
  const stranger: Step = { ...list, client: undefined, expect: { code: "TOKEN_MISSING" } };
  return [
    ...(hasAnonymous ? [] : [stranger]),
    ...clients.map((client) => ({ ...list, client, expect: {} })),
  ];
}
