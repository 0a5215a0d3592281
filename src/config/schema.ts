/** What `gateway.config.ts` may say, with every default. A key that is not here is a fault. */
import * as v from "valibot";
import { Secret } from "../core/index.ts";
import { isAddressRange } from "./address.ts";
import type { SecretRef } from "./secret.ts";

const isNot = {
  count: "Must be a whole number of at least 1",
  bytes: "Must be a whole number of bytes from 1 to 1073741824",
  milliseconds: "Must be a whole number of milliseconds from 1 to 86400000",
  port: "Must be a port from 0 to 65535",
  perSecond: "Must be from 0.001 to 1000000",
  name: 'Must be at most 64 letters, digits, ".", "_" or "-" that begin with a letter or digit',
  pattern: 'Must be "upstream/name", where "*" stands for any run of characters, or "*" alone',
  secret: 'Must be a secret such as secret("NAME")',
} as const;

const count = v.pipe(v.number(), v.integer(isNot.count), v.minValue(1, isNot.count));
const bytes = wholeNumber(1, 1_073_741_824, isNot.bytes);
const milliseconds = wholeNumber(1, 86_400_000, isNot.milliseconds);
const port = wholeNumber(0, 65_535, isNot.port);
const text = v.pipe(v.string(), v.minLength(1, "Must not be empty"));

const nameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/**
 * One part of a shown name and of policy's `upstream/name`. Shown names are split at `__`, so a
 * name that holds it, or ends in `_`, would read in two ways.
 */
export const upstreamName = v.pipe(
  v.string(),
  v.regex(nameShape, isNot.name),
  v.check((name) => !name.includes("__"), 'Must not hold "__"'),
  v.check((name) => !name.endsWith("_"), 'Must not end in "_"'),
);
const prefix = v.pipe(
  v.string(),
  v.check((value) => value === "" || v.is(upstreamName, value), `${isNot.name}, without "__"`),
);
const clientName = v.pipe(v.string(), v.regex(nameShape, isNot.name));
export function isClientName(name: string): boolean {
  return v.is(clientName, name);
}

/** The user writes a `SecretRef`; by the time this is parsed its value has been read. */
const secretValue = v.pipe(
  v.custom<Secret | SecretRef>((value) => value instanceof Secret, isNot.secret),
  v.transform((value) => value as Secret),
);
const textOrSecret = v.pipe(
  v.custom<string | Secret | SecretRef>(
    (value) => typeof value === "string" || value instanceof Secret,
    `Must be a string or a secret such as secret("NAME")`,
  ),
  v.transform((value) => value as string | Secret),
);
const url = v.pipe(
  v.string(),
  v.check((value) => URL.canParse(value), "Must be a URL"),
  v.regex(/^https?:\/\//, 'Must begin with "http://" or "https://"'),
);
const origin = v.pipe(
  v.string(),
  v.check(isOrigin, "Must be an origin such as https://app.example.com"),
);
const day = v.pipe(v.string(), v.isoDate("Must be a date such as 2027-01-31"));

/** `upstream/name`, where `*` stands for any run of characters; or `*` alone. */
export const pattern = v.pipe(
  v.string(),
  v.check((value) => value === "*" || /^[^/]+\/./s.test(value), isNot.pattern),
  v.maxLength(1024, "Must be at most 1024 characters"),
);
const patterns = v.pipe(v.array(pattern), v.minLength(1, "Must not be empty"));

/** What the answers of a client or an upstream are cleaned of; the nearest setting wins. */
const sanitizeSettings = v.strictObject({
  secrets: v.optional(v.picklist(["redact", "mask", "deny", "report", "off"])),
  hidden: v.optional(v.picklist(["strip", "show", "deny", "off"])),
});

const listen = v.strictObject({
  host: v.optional(text, "127.0.0.1"),
  port: v.optional(port, 8080),
  hosts: v.optional(v.array(text), []),
  tls: v.optional(v.strictObject({ cert: text, key: text })),
});

const expose = v.strictObject({
  prefix: v.optional(prefix),
  tools: v.optional(v.array(text)),
  resources: v.optional(v.array(text)),
  prompts: v.optional(v.array(text)),
});

const upstreamCommon = {
  timeoutMs: v.optional(milliseconds, 60_000),
  deadlineMs: v.optional(milliseconds, 600_000),
  expose: v.optional(expose, {}),
  arguments: v.optional(v.picklist(["enforce", "report"]), "enforce"),
  sanitize: v.optional(sanitizeSettings, {}),
};
const httpUpstream = v.strictObject({
  url,
  headers: v.optional(v.record(v.string(), textOrSecret), {}),
  ...upstreamCommon,
});
const stdioUpstream = v.strictObject({
  command: text,
  args: v.optional(v.array(v.string()), []),
  cwd: v.optional(text, "."),
  env: v.optional(v.record(v.string(), textOrSecret), {}),
  ...upstreamCommon,
});
const upstream = v.lazy((input: unknown): typeof httpUpstream | typeof stdioUpstream =>
  isObject(input) && "command" in input ? stdioUpstream : httpUpstream,
);

const rate = v.strictObject({
  burst: v.optional(count, 100),
  perSecond: v.optional(
    v.pipe(v.number(), v.minValue(0.001, isNot.perSecond), v.maxValue(1_000_000, isNot.perSecond)),
    10,
  ),
  per: v.optional(v.picklist(["subject", "client"]), "subject"),
});

const plainToken = v.strictObject({ token: secretValue, until: v.optional(day) });
const hashedToken = v.strictObject({
  tokenSha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Must be 64 lower-case hex digits")),
  until: v.optional(day),
});
const tokenAuth = v.lazy((input: unknown): typeof plainToken | typeof hashedToken =>
  isObject(input) && "tokenSha256" in input ? hashedToken : plainToken,
);
const tokenAuths = v.pipe(v.array(tokenAuth), v.minLength(1, "Must not be empty"));
const anonymous = v.literal("anonymous");
const auth = v.lazy((input: unknown): typeof anonymous | typeof tokenAuths | typeof tokenAuth => {
  if (typeof input === "string") return anonymous;
  return Array.isArray(input) ? tokenAuths : tokenAuth;
});

const client = v.strictObject({
  auth,
  allow: v.optional(
    v.strictObject({
      tools: v.optional(v.array(pattern), []),
      resources: v.optional(v.array(pattern), []),
      prompts: v.optional(v.array(pattern), []),
    }),
    {},
  ),
  rate: v.optional(rate, {}),
  maxRequestBytes: v.optional(bytes, 4 * 1024 * 1024),
  maxResponseBytes: v.optional(bytes, 10 * 1024 * 1024),
  maxConcurrent: v.optional(count, 32),
  origins: v.optional(v.array(origin), []),
  sanitize: v.optional(sanitizeSettings, {}),
});

type Scalar = string | number | boolean | null;
const scalar = v.custom<Scalar>(isScalar, "Must be a string, a number, true, false or null");
const oneOf = v.array(scalar);
const glob = v.strictObject({ glob: text });
const matches = v.strictObject({
  matches: v.pipe(text, v.maxLength(1024, "Must be at most 1024 characters")),
});
const range = v.pipe(
  v.strictObject({ min: v.optional(v.number()), max: v.optional(v.number()) }),
  v.check((value) => value.min !== undefined || value.max !== undefined, 'Needs "min" or "max"'),
);
const maxLength = v.strictObject({
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
    args: v.optional(tests),
    annotations: v.optional(tests),
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
});
const targets = v.lazy(
  (input: unknown): typeof patterns | typeof targetsByKind | typeof pattern => {
    if (Array.isArray(input)) return patterns;
    return isObject(input) ? targetsByKind : pattern;
  },
);
const rule = v.strictObject({
  name: text,
  on: targets,
  clients: v.optional(v.pipe(v.array(clientName), v.minLength(1, "Must not be empty"))),
  when: v.optional(condition),
  unless: v.optional(condition),
  // eslint-disable-next-line unicorn/no-thenable -- the contract's word for what a rule does
  then: v.literal("deny"),
  why: v.optional(text),
});

const audit = v.strictObject({
  file: v.optional(text, "./audit.jsonl"),
  arguments: v.optional(v.boolean(), true),
  results: v.optional(v.boolean(), false),
  onFull: v.optional(v.picklist(["refuse", "drop"]), "refuse"),
});

export const configSchema = v.strictObject({
  listen: v.optional(listen, {}),
  publicUrl: v.optional(url),
  trustedProxies: v.optional(
    v.array(
      v.pipe(v.string(), v.check(isAddressRange, "Must be an address or a range like 10.0.0.0/8")),
    ),
    [],
  ),
  upstreams: v.optional(v.record(upstreamName, upstream), {}),
  clients: v.optional(v.record(clientName, client), {}),
  rules: v.optional(v.array(rule), []),
  sanitize: v.optional(sanitizeSettings, {}),
  audit: v.optional(audit, {}),
});

/** The config as a user writes it. */
export type ConfigInput = v.InferInput<typeof configSchema>;
/** The config as the house uses it: every default filled in, every secret read. */
export type Config = v.InferOutput<typeof configSchema>;
export type UpstreamConfig = Config["upstreams"][string];
export type HttpUpstreamConfig = v.InferOutput<typeof httpUpstream>;
export type StdioUpstreamConfig = v.InferOutput<typeof stdioUpstream>;
export type ClientConfig = Config["clients"][string];
export type RuleConfig = Config["rules"][number];
export type ConditionConfig = v.InferOutput<typeof condition>;
export type TestConfig = v.InferOutput<typeof test>;
export type RateConfig = ClientConfig["rate"];
export type SanitizeConfig = v.InferOutput<typeof sanitizeSettings>;
export type AuditConfig = Config["audit"];

function wholeNumber(min: number, max: number, message: string) {
  return v.pipe(v.number(), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
}

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
