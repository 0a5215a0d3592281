/** What the config says of one plugin: its file, what it may do and what it may spend. */
import * as v from "valibot";
import { isJsonValue } from "./json-value.ts";
import { isNoName, nameShape, patterns, text, textOrSecret, wholeNumber } from "./schema-leaves.ts";

/**
 * Attack: a path elsewhere, as in `/tmp` or on a shared disk, is written by others than those who
 * review, deploy and pin what lies with the config. So it is in the config's folder or below it; a
 * plugin that is kept elsewhere is copied there, or installed below it.
 */
const use = v.pipe(
  text,
  v.check(isBelow, "Must be a path in the config's folder or below it"),
  v.check((path) => /\.m?[jt]s$/.test(path), "Must end in .ts, .mts, .js or .mjs"),
);

const grants = v.strictObject({
  /** State that outlives a call: for each client apart, or `"shared"` by all of them; none by default. */
  kv: v.optional(v.picklist(["client", "shared"])),
  /** Where it may send requests; nowhere by default. */
  fetch: v.optional(
    v.array(
      v.strictObject({
        /** `https://host[:port]`, exactly; `http:` for a loopback address alone. */
        origin: text,
        /** Added to each request, unseen by the plugin; a value may be a secret. */
        headers: v.optional(v.record(v.string(), textOrSecret), {}),
      }),
    ),
  ),
});

const methods = v.pipe(
  v.array(v.pipe(text, v.maxLength(128, "Must be at most 128 characters"))),
  v.minLength(1, "Must not be empty"),
);
const match = v.strictObject({
  /** Patterns `upstream/name` of what it is asked about; all by default. */
  on: v.optional(patterns),
  /** MCP methods, where `*` stands for any run of characters; all by default. */
  methods: v.optional(methods),
  /** `false` keeps the keys of objects from `onText`; by default it sees them where the plugin asks for it. */
  keys: v.optional(v.boolean()),
});

function number(standard: number, max: number, least = 1) {
  const message = `Must be a whole number from ${least} to ${max}`;
  return v.optional(wholeNumber(least, max, message), standard);
}
const limits = v.strictObject({
  /** Its own time in one call, and for texts 0.25 ms more for each KB; 50 by default. */
  cpuMs: number(50, 1_000),
  /** From the first line of a call to its verdict, with what it waits for; 1,000 by default. */
  wallMs: number(1_000, 30_000),
  /** For evaluating the file and `setup`; 500 by default. */
  loadMs: number(500, 10_000),
  /** Beside the 16 MB of the engine itself; 16 by default. */
  memoryMb: number(16, 256),
  /** 128 by default, and at most: deeper recursion breaks the engine instead of the plugin. */
  stackKb: number(128, 128, 16),
  /** What is larger is not shown to it, which is a failure; 4,096 by default. */
  maxInputKb: number(4_096, 16_384),
  /** 1,024 by default. */
  maxOutputKb: number(1_024, 4_096),
  /** Calls that wait at the same time; 8 by default. */
  maxInstances: number(8, 32),
});

/** `unknown`, since the compiler of who uses the package does not come to an end with a type of JSON. */
const json = v.custom<unknown>(
  isJsonValue,
  "Must be JSON, with numbers that JavaScript holds exactly",
);

export const plugin = v.strictObject({
  /** A TypeScript or JavaScript file, by its path from the config's folder. */
  use,
  /** What it is called in records and metrics, and its state goes by; the name it gives itself by default. */
  name: v.optional(v.pipe(v.string(), v.regex(nameShape, isNoName))),
  /** What its `configSchema` asks for; an empty object by default. */
  config: v.optional(json),
  /** What it may do besides answering; nothing by default. */
  grants: v.optional(grants, {}),
  /** What it is asked about, beside what it says of that itself: both have to fit. */
  match: v.optional(match, {}),
  /** What it may spend. */
  limits: v.optional(limits, {}),
  /** `"shadow"` runs and records it, and does not apply what it says; `"enforce"` by default. */
  mode: v.optional(v.picklist(["enforce", "shadow"]), "enforce"),
  /** What a failure comes to; `"deny"` by default. */
  onError: v.optional(v.picklist(["deny", "allow"]), "deny"),
  /** Its files have to have this hash, which `mcp-gw check` tells where it is another one. */
  sha256: v.optional(
    v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "Must be 64 lower-case hex digits")),
  ),
});

/** As a text; where its links lead is found out when it is read. */
function isBelow(path: string): boolean {
  if (path.startsWith("/") || path.includes("\\") || /^[A-Za-z][\w+.-]*:/.test(path)) return false;
  let depth = 0;
  for (const part of path.split("/")) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return false;
  }
  return true;
}
