/**
 * sql-readonly: a tool call passes only if every SQL text in it reads, and nothing else.
 *
 * It splits the text into tokens by the rules of each dialect that the database may speak, and asks
 * every one of these readings: `'\'; drop table t; --'` is a string to one database and two statements
 * to another. What cannot be read for sure is refused.
 */
import { type Allow, type Deny, allow, definePlugin, deny } from "mcp-gw/plugin";

type Dialect = "postgres" | "mysql" | "sqlite" | "mssql";

export interface SqlReadonlyConfig {
  /** What the database speaks; `"any"` asks the rules of all four, and is the default. */
  dialect?: Dialect | "any";
  /** Names of the arguments that hold SQL, in objects and arrays too; case, `_` and `-` do not count. */
  arguments?: string[];
  /** `"check"`, the default: what begins like a statement is SQL, whatever its argument is called. */
  otherArguments?: "check" | "ignore";
  /** Several statements in one text, each of them read-only; false by default. */
  multiple?: boolean;
  /** `SELECT … FOR UPDATE` and the like; false by default. */
  locks?: boolean;
  /** Functions that are refused besides those of this file; a `*` at the end stands for any rest. */
  denyFunctions?: string[];
  /** Functions that this file would refuse, and that may be called. */
  allowFunctions?: string[];
  /** The most SQL that one call may hold, in UTF-16 units; 10,000 by default. */
  maxLength?: number;
}

const defaultArguments = ["sql", "query", "queries", "statement", "statements", "sqlquery"];

/** With effects, or reading files, or running SQL from a string, which nobody looks at then. */
const deniedFunctions = `
  pg_* lo_* lowrite dblink* set_config nextval setval query_to_xml* cursor_to_xml* ts_stat ts_rewrite
  crosstab* connectby xpath_table txid_current* http http_* postgres_fdw_* brin_* gin_clean_pending_list
  query_export_to_s3 table_import_from_s3 invoke
  sleep benchmark load_file get_lock release_lock release_all_locks master_pos_wait source_pos_wait
  wait_for_executed_gtid_set wait_until_sql_thread_after_gtids sys_exec sys_eval sys_set lib_mysqludf*
  group_replication_* asynchronous_connection_failover_* keyring_* audit_log_* mysql_firewall*
  load_extension readfile writefile edit fsdir eval fts3_tokenizer
  xp_* sp_* openrowset openquery opendatasource fn_trace_gettable fn_xe_file_target_read_file
  fn_get_audit_file fn_dump_dblog dm_os_file_exists dm_os_enumerate_filesystem
`;
const harmlessFunctions = `
  pg_typeof pg_get_* pg_size_pretty pg_size_bytes pg_column_size pg_table_size pg_indexes_size
  pg_relation_size pg_total_relation_size pg_database_size pg_tablespace_size pg_stat_get_*
  pg_table_is_visible pg_type_is_visible pg_function_is_visible pg_backend_pid pg_is_in_recovery
  pg_encoding_to_char pg_char_to_encoding pg_postmaster_start_time pg_collation_for
`;

/** What may begin a statement. */
const queryWords = new Set(["select", "with", "values", "table"]);
const explainWords = new Set(["explain", "describe", "desc"]);
const kinds: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ["select", "with", "values", "table", "explain", "show"],
  mysql: ["select", "with", "values", "table", "explain", "describe", "desc", "show"],
  sqlite: ["select", "with", "values", "explain", "pragma"],
  mssql: ["select", "with"],
};

/** They write, wherever they stand: in a CTE, behind one, and some before a table's name. */
const writingWords = toSet(
  "insert update delete merge replace into create drop alter truncate grant revoke execute exec",
);
/** T-SQL needs nothing between two statements, so that these begin one in the midst of a text. */
const batchWords = toSet(
  "set use declare begin commit rollback save while goto print raiserror waitfor kill shutdown backup " +
    "restore dbcc deny checkpoint reconfigure bulk revert setuser updatetext writetext deallocate",
);
const lockHints = toSet("updlock xlock tablock tablockx paglock holdlock");
/** All that is looked at more closely. */
const notableWords: ReadonlySet<string> = new Set([
  "for",
  "lock",
  "next",
  "go",
  ...writingWords,
  ...batchWords,
  ...lockHints,
]);
/** Commands of `sqlcmd`, which begin a line with a colon. */
const sqlcmdWords = toSet("r setvar connect on out error perftrace reset exit quit ed xml list");
/** With an argument or without; the second ones would set something by it. */
const readingPragmas = toSet(
  "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list " +
    "database_list collation_list function_list module_list pragma_list compile_options",
);
const plainPragmas = toSet(
  "user_version schema_version application_id encoding page_count page_size freelist_count " +
    "foreign_keys journal_mode data_version",
);

/* ---------------------------------------------------------------- how dialects read a text */

type Mark =
  /** `\'` does not end a string, and neither `\"`. */
  | "backslash"
  | "backslash-in-double"
  /** `E'\''` */
  | "e-string"
  /** `$tag$ … $tag$` */
  | "dollar"
  | "backtick"
  /** `[a]`; with the second one `]]` does not end it. */
  | "bracket"
  | "double-bracket"
  /** `# …` */
  | "hash"
  /** `--` alone is two signs; a comment needs a space behind it. */
  | "dash-space"
  /** `/* … /* … *\/ … *\/` */
  | "nested"
  /** `/*! … *\/` is run. */
  | "executable"
  /** `$a(…)`, up to the parenthesis, is the name of a variable. */
  | "variable";

interface Reading {
  readonly dialect: Dialect;
  readonly marks: readonly Mark[];
}

const mysqlMarks = ["backtick", "hash", "dash-space", "executable"] as const;
/** MySQL has three, by its `sql_mode`: as it is, with ANSI_QUOTES, with NO_BACKSLASH_ESCAPES. */
const readings: readonly Reading[] = [
  { dialect: "postgres", marks: ["e-string", "dollar", "nested"] },
  { dialect: "mysql", marks: [...mysqlMarks, "backslash", "backslash-in-double"] },
  { dialect: "mysql", marks: [...mysqlMarks, "backslash"] },
  { dialect: "mysql", marks: mysqlMarks },
  { dialect: "sqlite", marks: ["backtick", "bracket", "variable"] },
  { dialect: "mssql", marks: ["double-bracket", "nested"] },
];

/** Which of them a text holds: one pass, since each costs as much as reading the text. */
const traces = /[\\$`[#@:]|--(?=[^\0-\x20])|\/\*(?:M?!)?/g;
/** A mark makes a difference where one of these is in the text; mostly none is, and all see the same. */
const tracesOf: Readonly<Record<Mark, readonly string[]>> = {
  backslash: ["\\"],
  "backslash-in-double": ["\\"],
  "e-string": ["\\"],
  dollar: ["$"],
  backtick: ["`"],
  bracket: ["["],
  "double-bracket": ["["],
  hash: ["#"],
  "dash-space": ["--"],
  // One alone has nothing in it.
  nested: ["second /*"],
  executable: ["/*!", "/*M!"],
  variable: ["$", "@", "#", ":"],
};

function toTraces(sql: string): ReadonlySet<string> {
  const found = sql.match(traces) ?? [];
  const all = new Set<string>(found);
  if (found.filter((one) => one.startsWith("/*")).length > 1) all.add("second /*");
  return all;
}

interface Group {
  readonly marks: ReadonlySet<Mark>;
  readonly dialects: Set<Dialect>;
}

/** Readings that see the same tokens in this text, together: mostly it is one group. */
function toGroups(sql: string, dialects: ReadonlySet<Dialect>): readonly Group[] {
  const groups = new Map<string, Group>();
  const found = toTraces(sql);
  for (const { dialect, marks } of readings) {
    if (!dialects.has(dialect)) continue;
    const felt = marks.filter((mark) => tracesOf[mark].some((one) => found.has(one)));
    const key = felt.join();
    const group = groups.get(key) ?? { marks: new Set(felt), dialects: new Set() };
    group.dialects.add(dialect);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/* ---------------------------------------------------------------- tokens */

interface Token {
  /** A `name` is quoted, by whatever quotes but single ones. */
  readonly kind: "word" | "name" | "string" | "number" | "sign";
  /** Of words in one case, and of signs. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}
/**
 * What is left for one call, in all its texts and readings. Attack: texts that take a plugin more time
 * than it has are failures, and a plugin that keeps failing is taken out of service for everybody.
 */
interface Budget {
  characters: number;
  tokens: number;
  values: number;
}
const maxTokens = 6_000;
const maxValues = 2_000;

type Scan = { readonly tokens: readonly Token[] } | { readonly fault: string };

const isSpace = toTable(" \t\n\r\v\f");
const isDigit = toTable("0123456789");
const letters = "abcdefghijklmnopqrstuvwxyz";
const isWordStart = toTable(`${letters}${letters.toUpperCase()}_`);
const isWordPart = toTable(`${letters}${letters.toUpperCase()}_0123456789$`);
const numberShape = /0[xX][\dA-Fa-f_]*|[\d_]+\.?[\d_]*(?:[eE][+-]?\d+)?/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const [newline, star, slash] = [10, 42, 47];

/** In one pass: no character is looked at again but by what is bounded. */
function scan(sql: string, marks: ReadonlySet<Mark>, budget: Budget): Scan {
  const tokens: Token[] = [];
  const length = sql.length;
  const isAscii = !/[^\0-\x7F]/.test(sql);
  // Once for all words: in QuickJS each call costs as much as ten characters of this loop.
  const lower = isAscii ? sql.toLowerCase() : sql;
  const [inSingle, inDouble] = [marks.has("backslash"), marks.has("backslash-in-double")];
  let at = 0;
  /** `E'…'`, whose rules hold for a string behind it, too. */
  let escaped: Token | undefined;

  while (at < length) {
    const start = at;
    const code = sql.charCodeAt(at);
    if (code < 128 && isSpace[code] === 1) {
      at++;
      continue;
    }
    if (code >= 128 || isWordStart[code] === 1) {
      while (++at < length) {
        const part = sql.charCodeAt(at);
        if (part < 128 && isWordPart[part] !== 1) break;
      }
      const word = isAscii ? lower.slice(start, at) : toFolded(sql.slice(start, at));
      if (word === undefined)
        return { fault: `${nameOf(sql, start, at)} stands outside of quotes` };
      tokens.push({ kind: "word", text: word, start, end: at });
      continue;
    }
    if (isDigit[code] === 1) {
      numberShape.lastIndex = at;
      at += numberShape.exec(sql)?.[0].length ?? 1;
      const next = at < length ? sql.charCodeAt(at) : 32;
      // Attack: `1.drop table t` and `1exec p` are a number and a word to SQL Server.
      if (next >= 128 || isWordPart[next] === 1) {
        return { fault: "A number runs into a word; write a space, or quote a name with digits" };
      }
      tokens.push({ kind: "number", text: "", start, end: at });
      continue;
    }
    const sign = sql[at] ?? "";
    const next = sql[at + 1] ?? "";

    if (sign === "-" && next === "-" && isComment(sql, at, marks)) at = lineEnd(sql, at);
    else if (sign === "#" && marks.has("hash")) at = lineEnd(sql, at);
    else if (sign === "/" && next === "*") {
      if (marks.has("executable") && /^\/\*M?!/.test(sql.slice(at, at + 4))) {
        return { fault: "MySQL runs what stands in /*! … */" };
      }
      at = commentEnd(sql, at, marks.has("nested"));
    } else if (sign === "'") {
      const last = tokens.at(-1);
      if (last !== undefined && last === escaped) {
        return { fault: "A string goes on after E'…'; write it as one" };
      }
      const isEscaped = marks.has("e-string") && isPrefix(last, "e", at);
      at = quotedEnd(sql, at, "'", inSingle || isEscaped);
      const token: Token = { kind: "string", text: "", start, end: at };
      if (isEscaped) escaped = token;
      tokens.push(token);
    } else if (sign === '"' || (sign === "`" && marks.has("backtick"))) {
      if (sql[at - 1] === "&") return { fault: 'U&"…" hides what it names' };
      at = quotedEnd(sql, at, sign, sign === '"' && inDouble);
      tokens.push({ kind: "name", text: "", start, end: at });
    } else if (sign === "[" && (marks.has("bracket") || marks.has("double-bracket"))) {
      at = bracketEnd(sql, at, marks.has("double-bracket"));
      tokens.push({ kind: "name", text: "", start, end: at });
    } else {
      const tag = sign === "$" && marks.has("dollar") ? tagAt(sql, at) : undefined;
      if (tag !== undefined) {
        const end = sql.indexOf(tag, at + tag.length);
        at = end === -1 ? -1 : end + tag.length;
        tokens.push({ kind: "string", text: "", start, end: at });
      } else {
        if (sign === "\\" || code < 32 || code === 127) {
          return { fault: `${nameOf(sql, at, at + 1)} stands outside of quotes` };
        }
        if (sign === "(" && marks.has("variable") && isVariable(sql, at)) {
          return { fault: "A parenthesis stands right behind a variable" };
        }
        at++;
        tokens.push({ kind: "sign", text: sign, start, end: at });
      }
    }
    if (at === -1) return { fault: `What begins with ${nameOf(sql, start, start + 1)} has no end` };
    if (at === -2) return { fault: "A comment holds a line break that not all databases see" };
  }
  budget.tokens -= tokens.length;
  if (budget.tokens < 0) return { fault: "It holds more than is looked at" };
  return { tokens };
}

/** Lower case; a word of other letters than ASCII as loosely as any database may take it. */
function toFolded(text: string): string | undefined {
  if (!/[^\0-\x7F]/.test(text)) return text.toLowerCase();
  if (!/^[\p{L}\p{M}\p{N}_$]+$/u.test(text)) return undefined;
  return text.normalize("NFKC").toUpperCase().toLowerCase();
}

function isComment(sql: string, at: number, marks: ReadonlySet<Mark>): boolean {
  if (!marks.has("dash-space") || at + 2 >= sql.length) return true;
  return sql.charCodeAt(at + 2) <= 32;
}

/** Attack: a lone carriage return ends a comment in Postgres, and in MySQL and SQLite it does not. */
function lineEnd(sql: string, start: number): number {
  const end = sql.indexOf("\n", start);
  const line = end === -1 ? sql.slice(start) : sql.slice(start, end);
  const lone = line.indexOf("\r");
  const isStrange = (lone !== -1 && lone < line.length - 1) || /[\x85\u2028\u2029]/.test(line);
  return isStrange ? -2 : start + line.length;
}

function commentEnd(sql: string, start: number, isNested: boolean): number {
  if (!isNested) {
    const end = sql.indexOf("*/", start + 2);
    return end === -1 ? -1 : end + 2;
  }
  let depth = 1;
  for (let at = start + 2; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code !== slash && code !== star) continue;
    const next = sql.charCodeAt(at + 1);
    if (code === slash && next === star) depth++;
    else if (code === star && next === slash) depth--;
    else continue;
    at++;
    if (depth === 0) return at + 1;
  }
  return -1;
}

/** A doubled quote does not end it. */
function quotedEnd(sql: string, start: number, quote: string, hasBackslash: boolean): number {
  const wanted = quote.charCodeAt(0);
  let at = start + 1;
  if (!hasBackslash) {
    for (;;) {
      const end = sql.indexOf(quote, at);
      if (end === -1) return -1;
      if (sql.charCodeAt(end + 1) !== wanted) return end + 1;
      at = end + 2;
    }
  }
  for (; at < sql.length; at++) {
    const code = sql.charCodeAt(at);
    if (code === 92) at++;
    else if (code === wanted) {
      if (sql.charCodeAt(at + 1) !== wanted) return at + 1;
      at++;
    }
  }
  return -1;
}

function bracketEnd(sql: string, start: number, isDoubled: boolean): number {
  if (isDoubled) return quotedEnd(sql, start, "]", false);
  const end = sql.indexOf("]", start);
  return end === -1 ? -1 : end + 1;
}

function tagAt(sql: string, at: number): string | undefined {
  dollarTag.lastIndex = at;
  return dollarTag.exec(sql)?.[0];
}

/** Right before, with nothing between. */
function isPrefix(last: Token | undefined, text: string, at: number): boolean {
  return last?.kind === "word" && last.text === text && last.end === at;
}

/** Attack: SQLite takes `$a('); drop table t; --` up to its `)` for one variable. */
function isVariable(sql: string, at: number): boolean {
  let start = at;
  while (start > 0 && isVariablePart(sql.charCodeAt(start - 1))) start--;
  return /[$@#:]/.test(sql.slice(start, at).replaceAll("::", ""));
}

function isVariablePart(code: number): boolean {
  return code >= 128 || isWordPart[code] === 1 || code === 35 || code === 58 || code === 64;
}

/* ---------------------------------------------------------------- statements */

interface Rules {
  readonly dialects: ReadonlySet<Dialect>;
  readonly kinds: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  readonly others: "check" | "ignore";
  readonly multiple: boolean;
  readonly locks: boolean;
  readonly maxLength: number;
  readonly isDenied: (name: string) => boolean;
}

/** What keeps this text from being read-only; undefined where nothing does. */
function findFault(sql: string, rules: Rules, budget: Budget): string | undefined {
  budget.characters -= sql.length;
  if (budget.characters < 0) return `There are more than ${rules.maxLength} characters of SQL`;
  if (sql.includes("\0")) return "It holds the character U+0000";
  for (const { marks, dialects } of toGroups(sql, rules.dialects)) {
    const scanned = scan(sql, marks, budget);
    const fault =
      "fault" in scanned ? scanned.fault : findWrite(sql, scanned.tokens, dialects, rules);
    if (fault === undefined) continue;
    return rules.dialects.size === 1 ? fault : `${fault} (as ${[...dialects].join(", ")} reads it)`;
  }
  return undefined;
}

function findWrite(
  sql: string,
  tokens: readonly Token[],
  dialects: ReadonlySet<Dialect>,
  rules: Rules,
): string | undefined {
  const statements = split(tokens);
  if (statements.length === 0) return "It holds no statement";
  if (statements.length > 1 && !rules.multiple) {
    return `It holds ${statements.length} statements; send one at a time`;
  }
  for (const statement of statements) {
    const fault = findKind(statement, rules) ?? findWord(sql, statement, dialects, rules);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function split(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const statements: Token[][] = [];
  let open: Token[] | undefined;
  for (const token of tokens) {
    if (token.kind === "sign" && token.text === ";") open = undefined;
    else if (open !== undefined) open.push(token);
    else statements.push((open = [token]));
  }
  return statements;
}

function findKind(statement: readonly Token[], { kinds }: Rules): string | undefined {
  const start = skipOpen(statement, 0);
  const first = statement[start];
  if (first?.kind !== "word") return "It begins with no keyword";
  const isKnown = kinds.has(first.text) && (start === 0 || queryWords.has(first.text));
  if (!isKnown) return `${shown(first)} does not begin a read-only statement`;
  if (explainWords.has(first.text)) return findExplained(statement);
  if (first.text === "pragma") return findPragma(statement);
  return undefined;
}

function skipOpen(statement: readonly Token[], start: number): number {
  let at = start;
  while (isSign(statement[at], "(")) at++;
  return at;
}

const explainOptions = toSet("analyze analyse verbose extended partitions query plan format");

/** What is explained has to be a query, since ANALYZE runs it; or else the name of a table. */
function findExplained(statement: readonly Token[]): string | undefined {
  let at = 1;
  let isRun = false;
  for (; at < statement.length; at++) {
    const token = statement[at];
    if (isSign(token, "(")) {
      const inner = statement[skipOpen(statement, at)];
      if (inner?.kind === "word" && queryWords.has(inner.text)) return undefined;
      while (at < statement.length && !isSign(statement[at], ")")) at++;
      isRun = true;
    } else if (token?.kind !== "word" || !explainOptions.has(token.text)) break;
    else if (token.text === "format" && isSign(statement[at + 1], "=")) at += 2;
    else if (token.text.startsWith("analy")) isRun = true;
  }
  const rest = statement.slice(at);
  const [first] = rest;
  if (first?.kind === "word" && queryWords.has(first.text)) return undefined;
  const isTable =
    rest.length > 0 &&
    rest.length <= 6 &&
    rest.every(({ kind, text }) => kind === "word" || kind === "name" || text === ".") &&
    rest.filter(({ text }) => text !== ".").length <= 3;
  return isTable && !isRun ? undefined : "Only a query can be explained";
}

/** `pragma [schema.]name[(argument)]` */
function findPragma([, ...rest]: readonly Token[]): string | undefined {
  const [first, dot] = rest;
  const call = isSign(dot, ".") && first?.kind === "word" ? rest.slice(2) : rest;
  const [name, open, argument, close] = call;
  if (name?.kind !== "word") return "PRAGMA names nothing";
  const isPlain = call.length === 1;
  const isCall =
    call.length === 4 && isSign(open, "(") && argument?.kind !== "sign" && isSign(close, ")");
  if (readingPragmas.has(name.text) && (isPlain || isCall)) return undefined;
  if (plainPragmas.has(name.text) && isPlain) return undefined;
  return `PRAGMA ${name.text} is not known to read alone`;
}

/** Looks at every word: what writes may stand deep inside of a query, or behind it. */
function findWord(
  sql: string,
  statement: readonly Token[],
  dialects: ReadonlySet<Dialect>,
  { locks, isDenied }: Rules,
): string | undefined {
  const isBatch = dialects.has("mssql");
  const isShow = statement[0]?.text === "show";
  for (let at = 0; at < statement.length; at++) {
    const token = statement[at] as Token;
    const { kind, text } = token;
    if (kind === "sign") {
      const fault =
        text === ":" || text === "!" ? findSign(sql, statement, at, isBatch) : undefined;
      if (fault !== undefined) return fault;
      continue;
    }
    if (kind !== "word" && kind !== "name") continue;
    const next = statement[at + 1];
    const isCall = next !== undefined && next.text === "(" && next.kind === "sign";
    if (isCall) {
      const name =
        kind === "word" ? text : (toFolded(sql.slice(token.start + 1, token.end - 1)) ?? "");
      if (isDenied(name)) return `The function ${name} is not allowed`;
    }
    if (kind === "name" || !notableWords.has(text) || isSign(statement[at - 1], ".")) continue;
    if (text === "for" || text === "lock") {
      if (!locks && isLock(statement, at)) return "It locks rows";
    } else if (text === "next") {
      if (isWord(next, "value")) return "It takes the next value of a sequence";
    } else if (writingWords.has(text)) {
      if (isCall && (text === "replace" || text === "insert" || text === "truncate")) continue;
      if (text === "merge" && (isWord(next, "join") || isWord(next, "union"))) continue;
      if (text === "create" && isShow && at === 1 && !isBatch) continue;
      if (text === "update" && isForUpdate(statement, at)) continue;
      return `${shown(token)} is not read-only`;
    } else if (isBatch && batchWords.has(text)) {
      return `${shown(token)} begins another statement; quote it if it is a name`;
    } else if (isBatch && text === "go" && isAtLineStart(sql, token)) {
      return "GO begins another batch";
    } else if (isBatch && !locks && lockHints.has(text)) return "It locks rows";
  }
  return undefined;
}

function findSign(
  sql: string,
  statement: readonly Token[],
  at: number,
  isBatch: boolean,
): string | undefined {
  const [token, next] = [statement[at], statement[at + 1]];
  if (isSign(token, "!")) return isBatch && isSign(next, "!") ? "It holds !!" : undefined;
  if (isBatch && isSqlcmd(sql, token, next)) return "It holds a sqlcmd command";
  const isAssignment = isSign(next, "=") && isSign(statement[at - 2], "@");
  return isAssignment ? "It assigns a variable with :=" : undefined;
}

/** `for update`, `for no key update`, `for share`, `for key share`, `lock in share mode`. */
function isLock(statement: readonly Token[], at: number): boolean {
  if (isWord(statement[at], "lock")) {
    return isWord(statement[at + 1], "in") && isWord(statement[at + 2], "share");
  }
  let after = at + 1;
  if (isWord(statement[after], "no")) after++;
  if (isWord(statement[after], "key")) after++;
  return isWord(statement[after], "update") || isWord(statement[after], "share");
}

function isForUpdate(statement: readonly Token[], at: number): boolean {
  if (isWord(statement[at - 1], "for")) return true;
  return isWord(statement[at - 1], "key") && isWord(statement[at - 3], "for");
}

function isSqlcmd(sql: string, colon: Token | undefined, next: Token | undefined): boolean {
  const isCommand = next?.kind === "word" ? sqlcmdWords.has(next.text) : isSign(next, "!");
  return isCommand && colon !== undefined && isAtLineStart(sql, colon);
}

function isAtLineStart(sql: string, { start }: Token): boolean {
  let at = start - 1;
  while (at >= 0 && sql.charCodeAt(at) !== newline && isSpace[sql.charCodeAt(at)] === 1) at--;
  return at < 0 || sql.charCodeAt(at) === newline;
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === "sign" && token.text === text;
}
function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === "word" && token.text === text;
}

/* ---------------------------------------------------------------- arguments */

/** Of the beginning of a text under a name that nobody told us. */
const looksLikeSql =
  /^(?:[\s;(]{200}|[\s;(]*(?:--|\/\*|(?:select|insert|update|delete|merge|replace|drop|create|alter|truncate|grant|revoke|exec|execute|call|copy|attach|pragma)\b))/i;

const tooMany = "The arguments hold more values than are looked at";

/** Goes through all that is in a value, without recursion, so that depth costs no stack. */
function findRefusal(value: unknown, rules: Rules, budget: Budget): string | undefined {
  const open: { readonly key: string; readonly isSql: boolean; readonly value: unknown }[] = [
    { key: "", isSql: false, value },
  ];
  while (open.length > 0) {
    if (--budget.values < 0) return tooMany;
    const one = open.pop();
    if (one === undefined) break;
    if (typeof one.value === "string") {
      const isAsked =
        one.isSql || (rules.others === "check" && looksLikeSql.test(one.value.slice(0, 200)));
      const fault = isAsked ? findFault(one.value, rules, budget) : undefined;
      if (fault !== undefined) return `${quoted(one.key)} may only read: ${fault}`;
    } else if (Array.isArray(one.value)) {
      if (one.value.length > budget.values) return tooMany;
      for (const item of one.value) open.push({ ...one, value: item });
    } else if (typeof one.value === "object" && one.value !== null) {
      for (const [key, item] of Object.entries(one.value)) {
        open.push({ key, isSql: rules.keys.has(toKey(key)), value: item });
      }
    } else if (one.isSql && one.value !== null) return `${quoted(one.key)} has to be a text`;
  }
  return undefined;
}

function toRules(config: SqlReadonlyConfig): Rules {
  const { dialect = "any" } = config;
  const dialects: readonly Dialect[] =
    dialect === "any" ? ["postgres", "mysql", "sqlite", "mssql"] : [dialect];
  const own = {
    denied: toMatcher(config.denyFunctions),
    allowed: toMatcher(config.allowFunctions),
  };
  const house = {
    denied: toMatcher(deniedFunctions.trim().split(/\s+/)),
    allowed: toMatcher(harmlessFunctions.trim().split(/\s+/)),
  };
  return {
    dialects: new Set(dialects),
    kinds: new Set(dialects.flatMap((one) => kinds[one])),
    keys: new Set((config.arguments ?? defaultArguments).map(toKey)),
    others: config.otherArguments ?? "check",
    multiple: config.multiple ?? false,
    locks: config.locks ?? false,
    maxLength: config.maxLength ?? 10_000,
    isDenied: (name) =>
      own.denied(name) || (!own.allowed(name) && !house.allowed(name) && house.denied(name)),
  };
}

function toMatcher(patterns: readonly string[] = []): (name: string) => boolean {
  const folded = patterns.map((pattern) => pattern.toLowerCase());
  const exact = new Set(folded.filter((pattern) => !pattern.endsWith("*")));
  const starts = folded.filter((one) => one.endsWith("*")).map((one) => one.slice(0, -1));
  return (name) => exact.has(name) || starts.some((start) => name.startsWith(start));
}

function toKey(name: string): string {
  return name.toLowerCase().replace(/[_\- ]/g, "");
}
function toSet(words: string): ReadonlySet<string> {
  return new Set(words.split(" "));
}
function toTable(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const one of characters) table[one.charCodeAt(0)] = 1;
  return table;
}
function nameOf(sql: string, start: number, end: number): string {
  const strange = /[^\p{L}\p{M}\p{N}_$]/u.exec(sql.slice(start, end))?.[0] ?? "";
  const code = strange.codePointAt(0) ?? 0;
  if (code > 32 && code < 127) return strange;
  return `The character U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
function shown({ text }: Token): string {
  return text.slice(0, 40).toUpperCase();
}
function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 60));
}

/* ---------------------------------------------------------------- the plugin */

/** Made once: each call begins with what `setup` left. */
let rules = toRules({});

const names = { type: "array", items: { type: "string", minLength: 1, maxLength: 100 } };

export default definePlugin<SqlReadonlyConfig>({
  name: "sql-readonly",
  version: "1.0.0",
  apiVersion: 1,
  configSchema: {
    type: "object",
    additionalProperties: false,
    properties: {
      dialect: { enum: ["postgres", "mysql", "sqlite", "mssql", "any"] },
      arguments: { ...names, minItems: 1 },
      otherArguments: { enum: ["check", "ignore"] },
      multiple: { type: "boolean" },
      locks: { type: "boolean" },
      denyFunctions: names,
      allowFunctions: names,
      maxLength: { type: "integer", minimum: 1, maximum: 1_000_000 },
    },
  },
  setup: (config) => {
    rules = toRules(config);
  },
  onToolCall: (call): Allow | Deny => {
    const budget = { characters: rules.maxLength, tokens: maxTokens, values: maxValues };
    const { arguments: given, inputResponses } = call;
    const refusal = findRefusal(given, rules, budget) ?? findRefusal(inputResponses, rules, budget);
    return refusal === undefined ? allow() : deny(refusal);
  },
});
