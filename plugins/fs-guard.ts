/**
 * fs-guard: a client reaches only the folders it was given, and calls only so often.
 *
 * It does not mend paths: one that can be read in two ways is refused, and the reason tells how to
 * write it. So what the server opens is what was looked at, however the server itself reads paths.
 */
import { type Allow, type Deny, allow, definePlugin, deny } from "mcp-gw/plugin";

export interface FsGuardConfig {
  /** Absolute folders, as `/srv/data` or `C:/data`; all that is below them may be reached. */
  roots: string[];
  /** The folder that the server takes relative paths from; without it they are refused. */
  base?: string;
  /** Names of files and folders that nobody reaches; `*` stands for any run of characters, `?` for one. */
  deny?: string[];
  /** Names that may be reached although `deny` fits them, as `.github`. */
  except?: string[];
  /** Only the tools of `readTools` may be called; false by default. */
  readOnly?: boolean;
  /** Names of tools that only read, with `*` and `?`. What a server says of them itself does not count. */
  readTools?: string[];
  /** Names of arguments that hold paths, in objects and arrays too; case, `_` and `-` do not count. */
  pathArguments?: string[];
  /** Names of arguments that hold text, in which nothing is looked for. */
  textArguments?: string[];
  /**
   * What looks like a path in any other argument: `"check"`, the default, holds it to the same rules,
   * `"deny"` refuses it.
   */
  otherArguments?: "check" | "deny" | "ignore";
  /** Calls, reads and prompts of one client in a minute, refused ones included; 120 by default. */
  maxPerMinute?: number;
}

const defaults = {
  deny: [
    // All dot files: .ssh, .env, .git, .aws, .npmrc, .netrc, .kube, .docker …
    ".*",
    ..."*.env *.env.* _netrc id_rsa* id_dsa* id_ecdsa* id_ed25519* authorized_keys".split(" "),
    ..."*.pem *.key *.p12 *.pfx *.ppk *.jks *.keystore *.kdbx *.gpg *.asc".split(" "),
    ..."credentials credentials.* secrets secrets.* *.tfstate *.tfstate.*".split(" "),
  ],
  readTools: (
    "read_* list_* search_* find_* stat_* get_file_info get_info directory_tree " +
    "tree stat glob grep"
  ).split(" "),
  pathArguments: (
    "path paths file files filename filenames filepath filepaths source sources destination " +
    "destinations src dst dest dir directory directories folder folders root roots cwd target " +
    "targets oldpath newpath sourcepath destinationpath targetpath uri uris"
  ).split(" "),
  textArguments: ["content", "contents", "text", "oldtext", "newtext", "data"],
  maxPerMinute: 120,
} as const;

const maxPath = 1_024;
const maxName = 255;
const maxValues = 2_000;
/** In all paths of one call together, each with a bit for itself. */
const maxPaths = 20_000;
/** In all other texts that are searched for what looks like a path. */
const maxText = 100_000;

/* ---------------------------------------------------------------- one path */

interface Rules {
  readonly roots: readonly (readonly string[])[];
  readonly shownRoots: string;
  /** Windows reads paths by rules of its own. */
  readonly isWindows: boolean;
  readonly base: string | undefined;
  readonly isDenied: (name: string) => boolean;
  readonly isExcepted: (name: string) => boolean;
  readonly isReadTool: (name: string) => boolean;
  readonly paths: ReadonlySet<string>;
  readonly texts: ReadonlySet<string>;
  readonly others: "check" | "deny" | "ignore";
  readonly isReadOnly: boolean;
  readonly maxPerMinute: number;
}

/** What keeps this path from being reached; undefined where nothing does. */
function findFault(given: string, rules: Rules): string | undefined {
  if (given.length > maxPath) return `is longer than ${maxPath} characters`;
  const path = toPath(given);
  if (typeof path !== "string") return path.fault;
  const strange = findStrange(path, rules.isWindows);
  if (strange !== undefined) return strange;
  const names = toNames(path, rules);
  if (!Array.isArray(names)) return names.fault;
  for (const name of names) {
    const fault = findNameFault(name, rules.isWindows);
    if (fault !== undefined) return fault;
  }
  const root = rules.roots.find((one) => one.every((name, at) => name === names[at]));
  if (root === undefined) return `is outside of ${rules.shownRoots}`;
  const denied = names.slice(root.length).find((name) => {
    const folded = toFolded(name);
    // For who takes it as a pattern, `[.]env` is `.env`.
    const bare = folded.replace(/[[\]{}]/g, "");
    const isDenied = rules.isDenied(folded) || (bare !== folded && rules.isDenied(bare));
    return isDenied && !rules.isExcepted(folded);
  });
  return denied === undefined ? undefined : `has the name "${denied}", which is not allowed`;
}

type Read<T> = T | { readonly fault: string };

/** `file:///a%20b` is `/a b`; decoded once, so that what is encoded twice is still seen as strange. */
function toPath(given: string): Read<string> {
  const scheme = /^\s*([A-Za-z][A-Za-z0-9+.-]+):/.exec(given)?.[1];
  if (scheme === undefined) return given;
  if (scheme.toLowerCase() !== "file") return { fault: "is no path and no file: URI" };
  const found = /^file:\/\/(?:localhost)?(\/[^?#]*)$/i.exec(given)?.[1];
  if (found === undefined) return { fault: "is no URI like file:///folder/name" };
  try {
    return decodeURIComponent(found).replace(/^\/(?=[A-Za-z]:)/, "");
  } catch {
    return { fault: "is no URI: its percent signs encode no text" };
  }
}

/**
 * Neither NFKC nor case folding turns these into what they look like, but some file systems, drivers
 * and code pages do: slashes, backslashes, full stops, and yen and won for a backslash.
 */
const lookalikes =
  /[\u2044\u2215\u29f8\u2571\u2216\u29f5\u29f9\u00a5\u20a9\u3002\uff61\u0589\u06d4\u0701\u0702\ua4f8\ua4fa]/;
/** Most paths are like this, and cost one look. */
const plain = /^[\w\-.,/+@=]+$/;
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const signs = /[/\\.:~%$*?"<>|]/g;

/** What a server, a shell, a file system or a URI reader could take for something else. */
function findStrange(path: string, isWindows: boolean): string | undefined {
  if (plain.test(path)) return undefined;
  if (path.trim() === "") return "is empty";
  if (path !== path.trim()) return "begins or ends with a space";
  if (invisible.test(path)) return "holds a character that cannot be seen";
  if (/[^\0-\x7F]/.test(path)) {
    const count = (text: string): number => text.match(signs)?.length ?? 0;
    const isAlike = lookalikes.test(path) || count(path) !== count(toFolded(path));
    if (isAlike) return "holds a character that reads as another, such as a wide dot or slash";
  }
  if (!isWindows && path.includes("\\")) return "holds a backslash; write /";
  if (/%[0-9A-Fa-f]{2}/.test(path))
    return "holds percent encoding; write the characters themselves";
  if (/%\w+%|\$[({]|(?:^|[/\\])\$\w+(?:[/\\]|$)|`/.test(path)) return "holds a variable";
  if (/(?:^|[/\\])~|~\d/.test(path)) return "holds ~, which stands for another name; write it out";
  if (/[*?]/.test(path)) return "holds a wildcard";
  return undefined;
}

/** Of an absolute path; the drive, where there is one, comes first. */
function toNames(path: string, { isWindows, base }: Rules): Read<string[]> {
  const slashed = isWindows ? path.replaceAll("\\", "/") : path;
  if (slashed.startsWith("//")) return { fault: "begins with two slashes; write one" };
  const drive = /^[A-Za-z]:/.exec(slashed)?.[0];
  if (drive !== undefined && (!isWindows || slashed[2] !== "/")) {
    return { fault: isWindows ? "has a drive and no folder" : "has a drive" };
  }
  const isAbsolute = isWindows ? drive !== undefined : slashed.startsWith("/");
  if (isWindows && !isAbsolute && slashed.startsWith("/")) return { fault: "has no drive" };
  if (!isAbsolute && base === undefined) return { fault: "is relative; write the whole path" };
  const whole = isAbsolute ? slashed : `${base}/${slashed}`;
  return toParts(whole);
}

/** Empty names and `.` change nothing anywhere. */
function toParts(path: string): string[] {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return parts.map((part, at) =>
    at === 0 && /^[A-Za-z]:$/.test(part) ? part.toUpperCase() : part,
  );
}

const devices = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

function findNameFault(name: string, isWindows: boolean): string | undefined {
  // Also inside of a root: with a link before it, `..` leads elsewhere than it looks.
  if (name === "..") return 'holds ".."; write the path without it';
  if (name.length > maxName) return `has a name longer than ${maxName} characters`;
  // Windows drops these, so that `.env.` is `.env`.
  if (/^\s|[.\s]$/.test(name))
    return "has a name that ends in a dot or a space, or begins with one";
  if (!isWindows || /^[A-Z]:$/.test(name)) return undefined;
  if (/[:*?"<>|]/.test(name)) return 'has a name with one of the characters : * ? " < > |';
  return devices.test(name) ? `has the name of a device, "${name}"` : undefined;
}

/** As loosely as any file system compares: `.SSH`, `.ſsh` and composed letters are all the same. */
function toFolded(name: string): string {
  if (!/[^\0-\x7F]/.test(name)) return name.toLowerCase();
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

/* ---------------------------------------------------------------- all arguments */

/** Absolute or from home, a drive, a URI of files, or with a way up. */
const pathlike =
  /^\s*(?:[/\\~]|\.{1,2}(?:[/\\]|\s*$)|[A-Za-z]:[/\\]|file:)|(?:^|[/\\])\.\.(?:[/\\]|$)/i;

/** What is longer is no path to anybody. */
const maxLooked = 4_096;

/**
 * What is left for one call. Attack: arguments that take a plugin more time than it has are failures,
 * and a plugin that keeps failing is taken out of service for everybody.
 */
interface Budget {
  values: number;
  paths: number;
  text: number;
}
const tooMuch = "is more than is looked at in one call";

interface Found {
  readonly key: string;
  readonly use: "path" | "text" | "other";
  readonly value: unknown;
}

const tooMany = "The arguments hold more values than are looked at";

/** Goes through all that is in a value, without recursion, so that depth costs no stack. */
function findRefusal(value: unknown, rules: Rules): string | undefined {
  const open: Found[] = [{ key: "", use: "other", value }];
  const budget: Budget = { values: maxValues, paths: maxPaths, text: maxText };
  while (open.length > 0) {
    if (--budget.values < 0) return tooMany;
    const one = open.pop();
    if (one === undefined) break;
    const fault = findLeafFault(one, rules, budget);
    if (fault !== undefined) return `${JSON.stringify(one.key.slice(0, 60))} ${fault}`;
    if (typeof one.value === "string" || one.value === null) continue;
    if (Array.isArray(one.value)) {
      if (one.value.length > budget.values) return tooMany;
      for (const item of one.value) open.push({ ...one, value: item });
    } else if (typeof one.value === "object") {
      for (const [key, item] of Object.entries(one.value)) {
        const use = useOf(key, rules);
        open.push({ key, use, value: item });
        // Some tools take `{ "/srv/a": "its text" }`.
        if (use === "other") open.push({ key: one.key, use, value: key });
      }
    }
  }
  return undefined;
}

function findLeafFault({ use, value }: Found, rules: Rules, budget: Budget): string | undefined {
  if (typeof value !== "string") {
    const isWrong = use === "path" && typeof value !== "object";
    return isWrong ? "has to be a text, since it names a path" : undefined;
  }
  if (use !== "path") {
    if (use === "text" || rules.others === "ignore" || value.length > maxLooked) return undefined;
    budget.text -= value.length;
    if (budget.text < 0) return tooMuch;
    if (!pathlike.test(value)) return undefined;
    if (rules.others === "deny") return "is no argument for paths";
  }
  budget.paths -= value.length + 20;
  return budget.paths < 0 ? tooMuch : findFault(value, rules);
}

function useOf(key: string, { paths, texts }: Rules): Found["use"] {
  const folded = toKey(key);
  if (paths.has(folded)) return "path";
  return texts.has(folded) ? "text" : "other";
}

function toKey(name: string): string {
  return name.toLowerCase().replace(/[_\- ]/g, "");
}

/* ---------------------------------------------------------------- config */

function toRules(config: FsGuardConfig): Rules {
  const { roots, base } = config;
  const slashed = roots.map((root) => root.replaceAll("\\", "/"));
  return {
    roots: slashed.map(toParts),
    shownRoots: roots.map((root) => `"${root}"`).join(", "),
    isWindows: slashed.some((root) => /^[A-Za-z]:/.test(root)),
    base: base?.replaceAll("\\", "/"),
    isDenied: toMatcher((config.deny ?? defaults.deny).map(toFolded)),
    isExcepted: toMatcher((config.except ?? []).map(toFolded)),
    isReadTool: toMatcher(config.readTools ?? defaults.readTools),
    paths: new Set((config.pathArguments ?? defaults.pathArguments).map(toKey)),
    texts: new Set((config.textArguments ?? defaults.textArguments).map(toKey)),
    others: config.otherArguments ?? "check",
    isReadOnly: config.readOnly ?? false,
    maxPerMinute: config.maxPerMinute ?? defaults.maxPerMinute,
  };
}

function toMatcher(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((one) => !/[*?]/.test(one)));
  const globs = patterns.filter((one) => /[*?]/.test(one)).map(toTest);
  return (name) => exact.has(name) || globs.some((test) => test(name));
}

/** Most patterns are a beginning or an end, which costs a tenth. */
function toTest(glob: string): (name: string) => boolean {
  const inner = glob.replace(/^\*|\*$/g, "");
  if (/[*?]/.test(inner)) return (name) => fits(glob, name);
  if (!glob.startsWith("*")) return (name) => name.startsWith(inner);
  return glob.endsWith("*") ? (name) => name.includes(inner) : (name) => name.endsWith(inner);
}

/** Goes back to the last `*` alone, so that no name costs more than its length times the pattern's. */
function fits(glob: string, name: string): boolean {
  let [at, place] = [0, 0];
  let [star, from] = [-1, 0];
  while (place < name.length) {
    const sign = glob[at];
    if (sign === "*") [star, from] = [at++, place];
    else if (sign !== undefined && (sign === "?" || sign === name[place])) {
      at++;
      place++;
    } else if (star === -1) return false;
    else [at, place] = [star + 1, ++from];
  }
  while (glob[at] === "*") at++;
  return at === glob.length;
}

/* ---------------------------------------------------------------- the plugin */

/** Made once: each call begins with what `setup` left. Nothing can be reached before. */
let rules = toRules({ roots: [] });

/** What is refused counts too: who searches for a gap is stopped sooner than who works. */
async function judge(
  refusal: string | undefined,
  incr: (key: string, by: number, options: { ttlSeconds: number }) => Promise<number>,
): Promise<Allow | Deny> {
  const count = await incr("calls", 1, { ttlSeconds: 60 });
  if (count > rules.maxPerMinute) {
    return deny(`More than ${rules.maxPerMinute} calls in a minute; wait a minute`, "rate_limit");
  }
  return refusal === undefined ? allow() : deny(refusal);
}

function findToolRefusal(name: string): string | undefined {
  if (!rules.isReadOnly || rules.isReadTool(name)) return undefined;
  return "Only tools that read may be called here";
}

const absolute = { type: "string", pattern: "^(/|[A-Za-z]:[/\\\\])", maxLength: maxPath };
const names = { type: "array", items: { type: "string", minLength: 1, maxLength: maxName } };

export default definePlugin<FsGuardConfig>({
  name: "fs-guard",
  version: "1.0.0",
  apiVersion: 1,
  permissions: { kv: "client" },
  // Lists name no path.
  match: {
    methods: [
      ..."tools/call prompts/get completion/complete resources/read".split(" "),
      ..."resources/subscribe subscriptions/listen".split(" "),
    ],
  },
  configSchema: {
    type: "object",
    additionalProperties: false,
    required: ["roots"],
    properties: {
      roots: { type: "array", minItems: 1, items: absolute },
      base: absolute,
      deny: names,
      except: names,
      readOnly: { type: "boolean" },
      readTools: names,
      pathArguments: names,
      textArguments: names,
      otherArguments: { enum: ["check", "deny", "ignore"] },
      maxPerMinute: { type: "integer", minimum: 1, maximum: 1_000_000 },
    },
  },
  setup: (config) => {
    rules = toRules(config);
  },
  onToolCall: (call, { kv }) => {
    const refusal =
      findToolRefusal(call.name) ??
      findRefusal(call.arguments, rules) ??
      findRefusal(call.inputResponses, rules);
    return judge(refusal, kv.incr);
  },
  onResourceRead: ({ uri }, { kv }) => judge(findRefusal({ uri }, rules), kv.incr),
  onPromptGet: (prompt, { kv }) => judge(findRefusal(prompt.arguments, rules), kv.incr),
  /** A subscription may name what other servers have, too, and a completion tells what there is. */
  onRequest: ({ params }, { kv }) =>
    judge(findRefusal(toAsked(params), { ...rules, others: "check" }), kv.incr),
});

/** A completion's `argument: { name, value }` is read as the argument that it is for. */
function toAsked(params: unknown): unknown {
  if (typeof params !== "object" || params === null || Array.isArray(params)) return params;
  const { _meta, ref: _ref, argument, ...rest } = params as Readonly<Record<string, unknown>>;
  if (typeof argument !== "object" || argument === null) return rest;
  const { name, value } = argument as Readonly<Record<string, unknown>>;
  return { ...rest, argument: typeof name === "string" ? { [name]: value } : value };
}
