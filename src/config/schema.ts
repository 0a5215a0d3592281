/** What `gateway.config.ts` may say, with every default. A key that is not here is a fault. */
import * as v from "valibot";
import { isAddressRange } from "./address.ts";
import type { InputGrant } from "./input-grant.ts";
import { type JsonValue, isJsonValue } from "./json-value.ts";
import { plugin } from "./plugin-schema.ts";
import {
  isNoName,
  nameShape,
  pattern,
  patterns,
  secretValue,
  text,
  textOrSecret,
  wholeNumber,
} from "./schema-leaves.ts";
import type { WhenFunction } from "./when.ts";

const isNot = {
  count: "Must be a whole number of at least 1",
  bytes: "Must be a whole number of bytes from 1 to 1073741824",
  milliseconds: "Must be a whole number of milliseconds from 1 to 86400000",
  wait: "Must be a whole number of milliseconds from 0 to 600000",
  grace: "Must be a whole number of milliseconds from 0 to 86400000",
  port: "Must be a port from 0 to 65535",
  perSecond: "Must be from 0.001 to 1000000",
  input: 'Must be a kind of input such as "sampling", or "upstream/kind"',
  url: 'Must be a URL that begins with "http://" or "https://"',
  origin: "Must be an origin such as https://app.example.com, without a path or a slash at its end",
  auth: 'Must be { token: secret("NAME") }, { tokenSha256: "…" }, a list of these, "anonymous" or "stdio"',
  test: "Must be a value, a list of values, { glob }, { matches }, { min, max } or { maxLength }",
  caller: 'Must be a client, "client/subject" or "*/subject"',
} as const;

const count = v.pipe(v.number(), v.integer(isNot.count), v.minValue(1, isNot.count));
const bytes = wholeNumber(1, 1_073_741_824, isNot.bytes);
const milliseconds = wholeNumber(1, 86_400_000, isNot.milliseconds);
const port = wholeNumber(0, 65_535, isNot.port);

/**
 * One part of a shown name and of policy's `upstream/name`. Shown names are split at `__`, so a
 * name that holds it, or ends in `_`, would read in two ways.
 */
export const upstreamName = v.pipe(
  v.string(),
  v.regex(nameShape, isNoName),
  v.check((name) => !name.includes("__"), 'Must not hold "__"'),
  v.check((name) => !name.endsWith("_"), 'Must not end in "_"'),
);
const prefix = v.pipe(
  v.string(),
  v.check((value) => value === "" || v.is(upstreamName, value), `${isNoName}, without "__"`),
);
const clientName = v.pipe(v.string(), v.regex(nameShape, isNoName));
const roleName = v.pipe(v.string(), v.regex(nameShape, isNoName));
export function isClientName(name: string): boolean {
  return v.is(clientName, name);
}

const url = v.pipe(
  v.string(),
  v.check((value) => /^https?:\/\//.test(value) && URL.canParse(value), isNot.url),
);
const origin = v.pipe(v.string(), v.check(isOrigin, isNot.origin));
const day = v.pipe(v.string(), v.isoDate("Must be a date such as 2027-01-31"));

/** Which kinds and upstreams there are, the cross checks know. */
const inputGrant = v.custom<InputGrant>((value) => typeof value === "string", isNot.input);

/** What the answers of a client or an upstream are cleaned of; the nearest setting wins. */
const sanitizeSettings = v.strictObject({
  /** `"redact"` by default. `"mask"` keeps the ends, `"deny"` withholds the answer, `"report"` only records. */
  secrets: v.optional(v.picklist(["redact", "mask", "deny", "report", "off"])),
  /** Terminal escapes, invisible and direction-changing characters: `"strip"` by default. */
  hidden: v.optional(v.picklist(["strip", "show", "deny", "off"])),
});

const listen = v.strictObject({
  /** `"127.0.0.1"` by default, which no other machine reaches. */
  host: v.optional(text, "127.0.0.1"),
  /** 8080 by default; 0 takes any free one. */
  port: v.optional(port, 8080),
  /** More names to accept as `Host`, against DNS rebinding; by default those of `host` and `publicUrl`. */
  hosts: v.optional(v.array(text), []),
  /** PEM files, relative to the config. */
  tls: v.optional(v.strictObject({ cert: text, key: text })),
});

const expose = v.strictObject({
  /** Before `__` in names and `+` in URIs on `/mcp`; the upstream's name by default. */
  prefix: v.optional(prefix),
  /** Globs over the server's own names; all by default. */
  tools: v.optional(v.array(text)),
  /** Globs over the server's own URIs; all by default. */
  resources: v.optional(v.array(text)),
  /** Globs over the server's own names; all by default. */
  prompts: v.optional(v.array(text)),
});

const perSecond = v.pipe(
  v.number(),
  v.minValue(0.001, isNot.perSecond),
  v.maxValue(1_000_000, isNot.perSecond),
);
const upstreamRate = v.strictObject({
  /** How many calls at once, after a rest. */
  burst: count,
  /** How many calls a second in the long run. */
  perSecond,
  /** Whom the bucket is for: everybody together (`"upstream"`) by default, or each `"client"`. */
  per: v.optional(v.picklist(["upstream", "client"]), "upstream"),
});

const upstreamCommon = {
  /** Since the server's last message; 60,000 by default. */
  timeoutMs: v.optional(milliseconds, 60_000),
  /** For the whole answer; 600,000 by default. */
  deadlineMs: v.optional(milliseconds, 600_000),
  /** What clients may know of; the rest is as if it were not there. */
  expose: v.optional(expose, {}),
  /** `"report"` sends arguments that do not fit the schema, and logs it; `"enforce"` by default. */
  arguments: v.optional(v.picklist(["enforce", "report"]), "enforce"),
  /** What this server's answers are cleaned of. */
  sanitize: v.optional(sanitizeSettings, {}),
  /** How many calls the server gets, whoever makes them; without it only the clients' rates count. */
  rate: v.optional(upstreamRate),
};
const httpUpstream = v.strictObject({
  /** A streamable HTTP server. */
  url,
  /** Sent with each request; a value may be a secret. */
  headers: v.optional(v.record(v.string(), textOrSecret), {}),
  ...upstreamCommon,
});
const processCommon = {
  /** One entry per argument; no shell reads them. */
  args: v.optional(v.array(v.string()), []),
  /** Relative to the config; its folder by default. */
  cwd: v.optional(text, "."),
  /** Beside PATH, HOME and the locale; a value may be a secret. */
  env: v.optional(v.record(v.string(), textOrSecret), {}),
  /** Who has a process of their own: each `"subject"`, each `"client"` by default, or nobody (`"shared"`). */
  isolate: v.optional(v.picklist(["subject", "client", "shared"]), "client"),
  ...upstreamCommon,
};
const stdioUpstream = v.strictObject({
  /** A program that speaks MCP on stdin and stdout. */
  command: text,
  ...processCommon,
});
const packageUpstream = v.strictObject({
  /**
   * `name@version` of npm's registry, exact, since another version is another program. Fetched once,
   * without its install scripts, and run by its bin.
   */
  package: text,
  ...processCommon,
});
const upstream = v.lazy(
  (input: unknown): typeof httpUpstream | typeof stdioUpstream | typeof packageUpstream => {
    if (!isObject(input)) return httpUpstream;
    if ("command" in input) return stdioUpstream;
    return "package" in input ? packageUpstream : httpUpstream;
  },
);

const rate = v.strictObject({
  /** How many requests at once, after a rest; 100 by default. */
  burst: v.optional(count, 100),
  /** How many requests a second in the long run; 10 by default. */
  perSecond: v.optional(perSecond, 10),
  /**
   * Whom the bucket is for: each `"subject"` by default, all of the `"client"` together, or each
   * `"address"` that the client comes from (of IPv6 each /64).
   */
  per: v.optional(v.picklist(["subject", "client", "address"]), "subject"),
});
const oneRate = v.pipe(
  rate,
  v.transform((only) => [only]),
);
const someRates = v.pipe(
  v.array(rate),
  v.minLength(1, "Must not be empty"),
  v.maxLength(4, "Must be at most 4"),
);
/** One bucket or several, which are taken together or not at all; always a list once it is parsed. */
const rates = v.lazy((input: unknown): typeof oneRate | typeof someRates =>
  Array.isArray(input) ? someRates : oneRate,
);

const plainToken = v.strictObject({
  /** At least 32 characters. */
  token: secretValue,
  /** The last day on which it is good, in UTC: `"2027-01-31"`. */
  until: v.optional(day),
});
const hashedToken = v.strictObject({
  /** What `mcp-gw token create` and `mcp-gw token hash` print. */
  tokenSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Must be 64 lower-case hex digits")),
  /** The last day on which it is good, in UTC: `"2027-01-31"`. */
  until: v.optional(day),
});
const tokenAuth = v.lazy((input: unknown): typeof plainToken | typeof hashedToken =>
  isObject(input) && "tokenSha256" in input ? hashedToken : plainToken,
);
const tokenAuths = v.pipe(v.array(tokenAuth), v.minLength(1, "Must not be empty"));
const keyless = v.custom<"anonymous" | "stdio">(
  (value) => value === "anonymous" || value === "stdio",
  isNot.auth,
);
const auth = v.lazy((input: unknown): typeof keyless | typeof tokenAuths | typeof tokenAuth => {
  if (typeof input === "string") return keyless;
  return Array.isArray(input) ? tokenAuths : tokenAuth;
});

const allow = v.strictObject({
  /** Patterns `upstream/name`. */
  tools: v.optional(v.array(pattern), []),
  /** Patterns `upstream/uri`. */
  resources: v.optional(v.array(pattern), []),
  /** Patterns `upstream/name`. */
  prompts: v.optional(v.array(pattern), []),
  /** What servers may ask of the client: a kind for every upstream, or `upstream/kind`. */
  input: v.optional(v.array(inputGrant), []),
});
const role = v.strictObject({
  /** What whoever holds the role may use beside what they may anyway. */
  allow: v.optional(allow, {}),
  /** The last day on which the role is there, in UTC: `"2027-01-31"`. */
  until: v.optional(day),
});
const client = v.strictObject({
  /** A token, a list of tokens, `"anonymous"` on loopback, or `"stdio"` through `mcp-gw stdio` alone. */
  auth,
  /** What the client may use. Nothing is allowed by default. */
  allow: v.optional(allow, {}),
  /** The roles it holds: what each of them allows is allowed too. */
  roles: v.optional(v.array(roleName), []),
  /** A token bucket, full at first; or a list of up to four, of which none may be empty. */
  rate: v.optional(rates, {}),
  /** 4 MiB by default. */
  maxRequestBytes: v.optional(bytes, 4 * 1024 * 1024),
  /** 10 MiB by default. */
  maxResponseBytes: v.optional(bytes, 10 * 1024 * 1024),
  /** Calls at once, and as many answers that stream; 32 by default. */
  maxConcurrent: v.optional(count, 32),
  /** Web origins whose pages may call as this client. */
  origins: v.optional(v.array(origin), []),
  /** What this client's answers are cleaned of; beats an upstream's setting. */
  sanitize: v.optional(sanitizeSettings, {}),
});

type Scalar = string | number | boolean | null;
const scalar = v.custom<Scalar>(isScalar, "Must be a string, a number, true, false or null");
const oneOf = v.array(scalar);
const glob = v.strictObject({
  /** `*` stands for any run of characters. */
  glob: text,
});
const matches = v.strictObject({
  /** A regular expression of linear time (RE2 syntax), found anywhere in the text. */
  matches: v.pipe(text, v.maxLength(1024, "Must be at most 1024 characters")),
});
const range = v.pipe(
  v.strictObject({ min: v.optional(v.number()), max: v.optional(v.number()) }),
  v.check((value) => value.min !== undefined || value.max !== undefined, isNot.test),
);
const maxLength = v.strictObject({
  /** Code points. */
  maxLength: wholeNumber(0, Number.MAX_SAFE_INTEGER, "Must be a whole number of at least 0"),
});
/** One test of a condition; an absent value passes none of them. */
export const test = v.lazy(
  (
    input: unknown,
  ):
    | typeof scalar
    | typeof oneOf
    | typeof glob
    | typeof matches
    | typeof range
    | typeof maxLength => {
    if (Array.isArray(input)) return oneOf;
    if (!isObject(input)) return scalar;
    if ("glob" in input) return glob;
    if ("matches" in input) return matches;
    return "maxLength" in input ? maxLength : range;
  },
);
/** A key that starts with `/` is a JSON Pointer, any other the name of a member. */
const testKey = v.pipe(
  text,
  v.check((key) => !key.startsWith("/") || /^([^~]|~[01])*$/s.test(key), "Must be a JSON Pointer"),
);
const tests = v.record(testKey, test);
const condition = v.pipe(
  v.strictObject({
    /** By the name of an argument, or a JSON Pointer where the key starts with `/`. */
    args: v.optional(tests),
    /** What the server says of its tool: untrusted. */
    annotations: v.optional(tests),
    /** The caller's address. */
    address: v.optional(test),
  }),
  v.check(
    ({ args = {}, annotations = {}, address }) =>
      address !== undefined || Object.keys({ ...args, ...annotations }).length > 0,
    "Must name at least one test",
  ),
);

const targetsByKind = v.strictObject({
  tools: v.optional(patterns),
  resources: v.optional(patterns),
  prompts: v.optional(patterns),
  /** What servers ask of clients, as `allow.input` writes it; only to deny it, without conditions. */
  input: v.optional(v.pipe(v.array(inputGrant), v.minLength(1, "Must not be empty"))),
});
const targets = v.lazy(
  (input: unknown): typeof patterns | typeof targetsByKind | typeof pattern => {
    if (Array.isArray(input)) return patterns;
    return isObject(input) ? targetsByKind : pattern;
  },
);
const whenFunction = v.custom<WhenFunction>((value) => typeof value === "function");
const when = v.lazy((input: unknown): typeof whenFunction | typeof condition =>
  typeof input === "function" ? whenFunction : condition,
);
const argumentName = v.pipe(text, v.maxLength(128, "Must be at most 128 characters"));
const argumentValues = v.record(
  argumentName,
  v.custom<JsonValue>(isJsonValue, "Must be JSON, with numbers that JavaScript holds exactly"),
);
const ruleRate = v.strictObject({
  /** How many calls at once, after a rest. */
  burst: count,
  /** How many calls a second in the long run. */
  perSecond,
  /** Whom the bucket is for: all calls of the `"rule"` by default, each `"client"` or `"subject"`. */
  per: v.optional(v.picklist(["rule", "client", "subject"]), "rule"),
});
const askSettings = v.strictObject({
  /**
   * `"client"` (the default) asks on the caller's side, and an operator where nobody can be asked
   * there; `"operator"` asks an operator alone, since a client's yes proves only what the host says.
   */
  via: v.optional(v.picklist(["client", "operator"]), "client"),
  /** How long a question stands, and how long an operator's yes is good for; five minutes by default. */
  expiresMs: v.optional(milliseconds, 300_000),
  /** How long the call waits for an operator before it is refused; not at all by default. */
  waitMs: v.optional(wholeNumber(0, 600_000, isNot.wait), 0),
});
const rule = v.strictObject({
  /** Stands in the record of each call that the rule matches. */
  name: text,
  /** A pattern or a list of them for tools, resources and prompts, or `{ tools, resources, prompts, input }`. */
  on: targets,
  /** The clients it is for; all by default. */
  clients: v.optional(v.pipe(v.array(clientName), v.minLength(1, "Must not be empty"))),
  /** It is for clients that hold one of these; with `clients` both have to fit. */
  roles: v.optional(v.pipe(v.array(roleName), v.minLength(1, "Must not be empty"))),
  /** The rule matches where all of its tests hold, or the function answers `true`. */
  when: v.optional(when),
  /** The rule matches where not all of its tests hold, so also where a value is absent. */
  unless: v.optional(condition),
  // eslint-disable-next-line unicorn/no-thenable -- the contract's word for what a rule does
  then: v.optional(v.picklist(["deny", "ask"])),
  /** How a person is asked; only beside `then: "ask"`. */
  ask: v.optional(askSettings),
  /** Arguments of a tool that are always sent so, and are not shown to the caller. */
  set: v.optional(argumentValues),
  /** Arguments of a tool that are sent where the caller leaves them out. */
  defaults: v.optional(argumentValues),
  /** How often, beside the rates of clients and upstreams. */
  rate: v.optional(ruleRate),
  /** What the answer is cleaned of; beats the settings of clients and upstreams. */
  sanitize: v.optional(sanitizeSettings),
  /** Takes the place of the upstream's; of several rules the shortest. */
  timeoutMs: v.optional(milliseconds),
  /** `"shadow"` records where the rule matches, and does not apply it; `"enforce"` by default. */
  mode: v.optional(v.picklist(["enforce", "shadow"]), "enforce"),
  /** The last day on which the rule is there, in UTC: `"2027-01-31"`. */
  until: v.optional(day),
  /** What the caller is told. */
  why: v.optional(text),
});

const share = "Must be a number from 0.001 to 1";
const redisStore = v.strictObject({
  /** `redis://[[user]:password@]host[:port][/database]`; `rediss:` is TLS. */
  redis: textOrSecret,
  /** Begins each key and each channel; `"mcp-gw:"` by default. */
  prefix: v.optional(text, "mcp-gw:"),
  /** Where Redis is lost: refuse calls (the default), or go on with `localShare` of each bucket. */
  onLost: v.optional(v.picklist(["refuse", "local"]), "refuse"),
  /** With three instances a third; 0.25 by default. */
  localShare: v.optional(v.pipe(v.number(), v.minValue(0.001, share), v.maxValue(1, share)), 0.25),
});
const memoryStore = v.literal("memory", 'Must be "memory" or { redis: … }');
const store = v.lazy((input: unknown): typeof memoryStore | typeof redisStore =>
  isObject(input) ? redisStore : memoryStore,
);

const audit = v.strictObject({
  /** Relative to the config; `"./audit.jsonl"` by default. One gateway at a time writes it. */
  file: v.optional(text, "./audit.jsonl"),
  /** Record cleaned arguments beside their digest; true by default. */
  arguments: v.optional(v.boolean(), true),
  /** Record cleaned results beside their digest; false by default. */
  results: v.optional(v.boolean(), false),
  /** Where no record can be written: `"refuse"` calls by default, or `"drop"` records and count them. */
  onFull: v.optional(v.picklist(["refuse", "drop"]), "refuse"),
});

const ownCaller = v.pipe(
  v.string(),
  v.check((value) => {
    const [client = "", ...subject] = value.split("/");
    if (subject.length === 0) return isClientName(client);
    return (client === "*" || isClientName(client)) && subject.join("/") !== "";
  }, isNot.caller),
);
const adminUser = v.strictObject({
  /** A token, or a list of tokens. */
  auth: v.lazy((input: unknown): typeof tokenAuths | typeof tokenAuth =>
    Array.isArray(input) ? tokenAuths : tokenAuth,
  ),
  /** `"read"` looks, `"approve"` decides what waits for a person, `"operate"` changes what runs. */
  can: v.pipe(
    v.array(v.picklist(["read", "approve", "operate"])),
    v.minLength(1, 'Must hold at least one of "read", "approve", "operate"'),
  ),
  /**
   * Attack: somebody sends a call as a client, and approves it as an operator. Whose calls are their
   * own: `"client"` or `"client/subject"`, with `*` for whichever client. Those of the client and the
   * subject of their own name are so by default, and always.
   */
  is: v.optional(v.array(ownCaller), []),
});
const adminListener = v.strictObject({
  /** `"127.0.0.1"` by default; off loopback it needs `users`. */
  host: v.optional(text, "127.0.0.1"),
  /** 8081, or any free one where that is taken; one that is named is taken or missed. */
  port: v.optional(port),
  /** More names to accept as `Host`, against DNS rebinding; by default those of `host`. */
  hosts: v.optional(v.array(text), []),
  /** Operators, by name; without any, whoever can read the token in `.mcp-gw/` is the one. */
  users: v.optional(v.record(clientName, adminUser), {}),
});
const noAdmin = v.literal(false);
const admin = v.lazy((input: unknown): typeof noAdmin | typeof adminListener =>
  input === false ? noAdmin : adminListener,
);

const webhook = v.strictObject({
  /** Gets a POST for each call that begins to wait for an operator. */
  url,
  /** Signs each announcement; without it nothing says that it comes from this gateway. */
  secret: v.optional(secretValue),
  /** For one attempt, of three; 5,000 by default. */
  timeoutMs: v.optional(milliseconds, 5_000),
});
const approvals = v.strictObject({
  /** Where calls that wait for an operator are announced; nowhere by default. */
  webhook: v.optional(webhook),
});

const drain = v.strictObject({
  /**
   * How long `/readyz` fails after SIGTERM while calls are still taken, so that a load balancer can
   * look away first; 0 by default.
   */
  graceMs: v.optional(wholeNumber(0, 86_400_000, isNot.grace), 0),
  /** How long calls may take to end after that; 10,000 by default. */
  deadlineMs: v.optional(milliseconds, 10_000),
});

const integrityMode = v.picklist(["pin", "frozen", "report"]);
const integrityByMode = v.pipe(
  integrityMode,
  v.transform((mode) => ({ mode, flagged: "report" as const })),
);
const integritySettings = v.strictObject({
  /**
   * `"pin"` (the default) locks a tool at first sight and quarantines one that changed since;
   * `"frozen"` quarantines what is new too and writes nothing, `"report"` quarantines nothing.
   */
  mode: v.optional(integrityMode, "pin"),
  /**
   * What becomes of a tool that is not locked yet and whose definition holds hidden characters or
   * speaks to the model: it is reported (the default), or quarantined until `mcp-gw lock` takes it.
   */
  flagged: v.optional(v.picklist(["report", "quarantine"]), "report"),
});
const integrity = v.lazy((input: unknown): typeof integrityByMode | typeof integritySettings =>
  isObject(input) ? integritySettings : integrityByMode,
);

/** How a rule asks that does not say so itself. */
export const defaultAsk: v.InferOutput<typeof askSettings> = v.parse(askSettings, {});

export const configSchema = v.strictObject({
  /** Where the gateway listens. */
  listen: v.optional(listen, {}),
  /** The URL under which clients reach the gateway. */
  publicUrl: v.optional(url),
  /** Addresses or ranges whose `X-Forwarded-For` is believed; nobody's by default. */
  trustedProxies: v.optional(
    v.array(
      v.pipe(v.string(), v.check(isAddressRange, "Must be an address or a range like 10.0.0.0/8")),
    ),
    [],
  ),
  /** Seal what clients carry: the first one seals, all of them open. */
  keys: v.optional(v.array(secretValue), []),
  /** The MCP servers, by name. */
  upstreams: v.optional(v.record(upstreamName, upstream), {}),
  /** Where buckets and sessions are kept: in this process, or in Redis for several instances. */
  store: v.optional(store, "memory"),
  /** Who may call, by name. */
  clients: v.optional(v.record(clientName, client), {}),
  /** What several clients may use, by name. */
  roles: v.optional(v.record(roleName, role), {}),
  /** What narrows the clients' rights. All that match count, in any order. */
  rules: v.optional(v.array(rule), []),
  /** Code of anybody's in a sandbox, asked in this order about calls and answers. */
  plugins: v.optional(v.array(plugin), []),
  /** What every answer is cleaned of, unless an upstream or a client says otherwise. */
  sanitize: v.optional(sanitizeSettings, {}),
  /** Whether tools have to be the ones that were reviewed; `gateway.lock.json` says which. */
  integrity: v.optional(integrity, {}),
  /** The record of every exchange. */
  audit: v.optional(audit, {}),
  /** How operators hear of what waits for them. */
  approvals: v.optional(approvals, {}),
  /** Where operators look and act; `false` turns it off. */
  admin: v.optional(admin, {}),
  /** How the gateway ends. */
  drain: v.optional(drain, {}),
});

/** The config as a user writes it, with any names in its patterns. */
export type PlainConfigInput = v.InferInput<typeof configSchema>;
/** The config as the house uses it: every default filled in, every secret read. */
export type Config = v.InferOutput<typeof configSchema>;
export type UpstreamConfig = Config["upstreams"][string];
export type HttpUpstreamConfig = v.InferOutput<typeof httpUpstream>;
export type StdioUpstreamConfig = v.InferOutput<typeof stdioUpstream>;
export type PackageUpstreamConfig = v.InferOutput<typeof packageUpstream>;
export type ClientConfig = Config["clients"][string];
export type RoleConfig = Config["roles"][string];
export type RuleConfig = Config["rules"][number];
export type PluginConfig = Config["plugins"][number];
export type FetchGrantConfig = NonNullable<PluginConfig["grants"]["fetch"]>[number];
export type RuleRateConfig = NonNullable<RuleConfig["rate"]>;
export type AskConfig = v.InferOutput<typeof askSettings>;
export type ConditionConfig = v.InferOutput<typeof condition>;
export type TestConfig = v.InferOutput<typeof test>;
export type RateConfig = ClientConfig["rate"][number];
export type UpstreamRateConfig = NonNullable<UpstreamConfig["rate"]>;
export type SanitizeConfig = v.InferOutput<typeof sanitizeSettings>;
export type StoreConfig = Config["store"];
export type AuditConfig = Config["audit"];
export type AdminConfig = Exclude<Config["admin"], false>;
export type AdminUserConfig = AdminConfig["users"][string];
export type WebhookConfig = v.InferOutput<typeof webhook>;
export type DrainConfig = Config["drain"];

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is Scalar {
  return (
    value === null ||
    typeof value === "string" ||
    typeof value === "boolean" ||
    Number.isFinite(value)
  );
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}
