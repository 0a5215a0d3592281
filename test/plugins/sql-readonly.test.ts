import fc from "fast-check";
import { describe, expect, test } from "vitest";
import sqlReadonly, { type SqlReadonlyConfig } from "../../plugins/sql-readonly.ts";
import { runShipped } from "./run-shipped.ts";

/** Why it is refused; undefined where it passes. Runs on the host: the code is the same. */
function ask(args: unknown, config: SqlReadonlyConfig = {}): string | undefined {
  sqlReadonly.setup?.(config);
  const call = { name: "query", arguments: args as Record<string, unknown> };
  // It reads nothing of the second parameter.
  const verdict = sqlReadonly.onToolCall?.(call, {} as never);
  if (verdict === undefined || !("action" in verdict)) throw new Error("There is no verdict");
  return verdict.action === "deny" ? verdict.reason : undefined;
}
const sql = (text: string, config?: SqlReadonlyConfig) => ask({ sql: text }, config);

type Dialect = NonNullable<SqlReadonlyConfig["dialect"]>;

const reads: readonly (readonly [Dialect, string])[] = [
  ["any", "select 1"],
  ["any", "SELECT * FROM orders WHERE note = 'drop table x; delete'"],
  ["any", "select a.delete, b.update from a join b on a.id = b.id;"],
  ["any", "select 'it''s', count(*) from t group by 1 order by 2 limit 10 -- delete it"],
  ["any", "/* insert */ with x as (select 1 as a), y as (select 2) select * from x, y"],
  ["any", "((select 1) union all (select 2))"],
  ["any", "select replace(a, 'x', 'y'), substring(b, 1, 2) from t"],
  ["any", "select 'Ünïcode；ok', größe from straße"],
  ["any", "select 0x1F, 1.5e-3, .5, 1_000 from t"],
  ["any", "explain select * from t"],
  ["any", "select case when a > 1 then 'x' else 'y' end from t"],
  ["postgres", "select $$ ; drop table x $$, $a$ it's $$ $a$ from t where id = $1"],
  ["postgres", String.raw`select E'it\'s; drop table t', a[1], b #> '{x}' from t`],
  ["postgres", "select 1 /* a /* nested */ ; drop table t */ from t"],
  ["postgres", "explain (analyze, buffers, format json) select * from t"],
  ["postgres", "explain analyze verbose with x as (select 1) select * from x"],
  ["postgres", "show search_path"],
  ["postgres", "values (1, 'a'), (2, 'b')"],
  ["postgres", "table orders"],
  ["postgres", "select pg_size_pretty(pg_total_relation_size('t')), pg_typeof(1)"],
  ["postgres", 'select x::numeric(10, 2), open, close, "delete" from prices'],
  ["mysql", "select `delete` from t # ; drop table t"],
  ["mysql", "show create table orders"],
  ["mysql", "describe shop.orders total"],
  ["mysql", "desc orders"],
  ["mysql", "explain format = tree select 1"],
  ["mysql", "select insert('Quadratic', 3, 4, 'What'), truncate(1.5, 0), if(a, 1, 2) from t"],
  ["mysql", 'select 5--1, "a string; drop" from t'],
  ["sqlite", "pragma table_info(orders)"],
  ["sqlite", "pragma main.user_version"],
  ["sqlite", "explain query plan select * from [my table] where a = :id"],
  ["mssql", "select top 5 [drop]]x] from dbo.t with (nolock) where n = N'a;b' for json path"],
  ["mssql", "select * from a inner merge join b on a.id = b.id option (merge join)"],
  ["mssql", "/* a /* drop */ delete */ select 1"],
];

const writes: readonly (readonly [Dialect, string, string])[] = [
  // Statements.
  ["any", "select 1; drop table x", "2 statements"],
  ["any", "drop table x", "DROP"],
  ["any", "", "no statement"],
  ["any", " ; -- nothing", "no statement"],
  ["any", "insert into t values (1)", "INSERT"],
  ["any", "set role admin", "SET"],
  ["any", "call p()", "CALL"],
  ["any", "do $$ begin delete from t; end $$", "DO"],
  ["any", "copy t to program 'sh'", "COPY"],
  ["any", "begin", "BEGIN"],
  ["any", "vacuum", "VACUUM"],
  ["any", "attach 'x.db' as x", "ATTACH"],
  ["any", "'select' 1", "no keyword"],
  ["any", '"select" 1', "no keyword"],
  ["any", ".shell rm -rf /", "no keyword"],
  ["any", "(drop table x)", "DROP"],
  // Writes inside of queries.
  ["postgres", "with x as (delete from t returning *) select * from x", "DELETE"],
  ["postgres", "with x as materialized (\nUpDaTe t set a = 1 returning 1) table x", "UPDATE"],
  ["any", "with x as (select 1) insert into t select * from x", "INSERT"],
  ["any", "with x as (select 1) merge into t using x on 1 = 1 when matched then delete", "MERGE"],
  ["sqlite", "with x as (select 1) replace into t select * from x", "REPLACE"],
  ["any", "select * into copy_of_t from t", "INTO"],
  ["mysql", "select * from t into outfile '/tmp/x'", "INTO"],
  ["mysql", "select 'x' into dumpfile '/tmp/x.php'", "INTO"],
  ["mysql", "table t into outfile '/tmp/x'", "INTO"],
  ["postgres", "select * from t for update", "locks"],
  ["postgres", "select * from t for no key update", "locks"],
  ["postgres", "select * from t for key share", "locks"],
  ["mysql", "select * from t lock in share mode", "locks"],
  ["mssql", "select * from t with (updlock)", "locks"],
  // Explained, and run.
  ["postgres", "explain analyze delete from t", "query"],
  ["postgres", "explain (analyze) insert into t values (1)", "query"],
  ["postgres", "explain analyze execute prepared", "query"],
  ["postgres", "explain analyze refresh materialized view v", "query"],
  ["postgres", "explain (analyze) (with x as (delete from t returning 1) select 1)", "DELETE"],
  ["mysql", "desc analyze update t set a = 1", "query"],
  ["mysql", "explain analyze format=tree delete from t", "query"],
  // Functions.
  ["postgres", "select pg_sleep(10)", "pg_sleep"],
  ["postgres", "select pg_catalog . \"pg_read_file\" /* x */ ('/etc/passwd')", "pg_read_file"],
  ["postgres", "select * from pg_ls_dir('.')", "pg_ls_dir"],
  ["postgres", "select query_to_xml('delete from t', true, true, '')", "query_to_xml"],
  ["postgres", "select set_config('role', 'x', false)", "set_config"],
  ["postgres", "select lo_import('/etc/passwd')", "lo_import"],
  ["postgres", "select dblink_exec('…', 'drop table t')", "dblink_exec"],
  ["postgres", "select nextval('s')", "nextval"],
  ["postgres", "select pg_terminate_backend(1)", "pg_terminate_backend"],
  ["postgres", 'select U&"pg\\005fsleep"(10)', "hides"],
  ["mysql", "select load_file('/etc/passwd')", "load_file"],
  ["mysql", "select `sleep` (5)", "sleep"],
  ["mysql", "select SLEEP\n(5)", "sleep"],
  ["mysql", "select benchmark(1e9, md5('x'))", "benchmark"],
  ["sqlite", "select load_extension('x')", "load_extension"],
  ["sqlite", "select writefile('x', 'y')", "writefile"],
  ["mssql", "select * from openrowset('x', 'y', 'drop table t')", "openrowset"],
  ["mssql", "select next value for s", "sequence"],
  ["any", "select xp_cmdshell('dir')", "xp_cmdshell"],
  ["any", "select ｐｇ_sleep(1)", "pg_sleep"],
  // SQL Server needs no semicolon.
  ["mssql", "select 1 drop table x", "DROP"],
  ["mssql", "select 1 exec xp_cmdshell 'dir'", "EXEC"],
  ["mssql", "select 1 waitfor delay '0:0:9'", "WAITFOR"],
  ["mssql", "select 1 shutdown", "SHUTDOWN"],
  ["mssql", "select 'a'drop table x", "DROP"],
  ["mssql", "select 1.drop table x", "number"],
  ["mssql", "select 1exec p", "number"],
  ["mssql", "select a\u00a0drop table x", "U+00A0"],
  ["mssql", "select 1\n go \nsp_configure", "GO"],
  ["mssql", "select 1\n:!! del x", "sqlcmd"],
  ["any", "select 1 drop table x", "DROP"],
  // Texts that read otherwise in another database.
  ["any", String.raw`select '\'; drop table t; -- '`, ""],
  ["mysql", String.raw`select '\'; drop table t; -- '`, ""],
  ["any", String.raw`select '\\'; drop table t; -- '`, "2 statements"],
  ["mysql", String.raw`select "\"; drop table t; -- "`, ""],
  ["postgres", String.raw`select E'\'' ; drop table t; --'`, "2 statements"],
  ["postgres", "select E'a'\n'\\'; drop table t; --'", "goes on"],
  ["any", "select 1 # 'a\n; drop table t -- '", ""],
  ["postgres", "select 1 # 2; drop table t", "2 statements"],
  ["any", "select 1 --1; drop table t", ""],
  ["mysql", "select 5--1; drop table t", "2 statements"],
  ["mysql", "select 1 /*! into outfile '/tmp/x' */", "runs"],
  ["any", "select 1 /*!50000 ; drop table t */", "runs"],
  ["mysql", "select 1 /*M! ; drop table t */", "runs"],
  ["any", "select 1 /* /* */ ; drop table t -- */", ""],
  ["sqlite", "select 1 /* /* */ ; drop table t", "2 statements"],
  ["any", "select $$ '; drop table t; -- $$", ""],
  ["any", "select $$;drop table t;$$", ""],
  ["postgres", "select $a$ $b$ $a$; drop table t; select $b$ $b$", "3 statements"],
  ["any", "select [a'b]; drop table t; --']", ""],
  ["sqlite", "select [a]]; drop table t; --]", "2 statements"],
  ["any", "select `a'b`; drop table t; --'`", ""],
  ["sqlite", "select $a('); drop table t; select '", "variable"],
  ["sqlite", "select @a::b('); drop table t; select '", "variable"],
  ["postgres", "select 1 -- a\r; drop table t", "line break"],
  ["mysql", "select 1 -- a\r drop", "line break"],
  ["postgres", String.raw`select 1 \! rm -rf /`, "\\"],
  ["mysql", "select @a := 1", ":="],
  // What cannot be read.
  ["any", "select 'a", "no end"],
  ["any", "select 1 /* a", "no end"],
  ["postgres", "select $a$ b", "no end"],
  ["any", "select\0 1", "U+0000"],
  ["any", "select 1 \u0001", "U+0001"],
  ["any", "select 1 \u200b", "U+200B"],
  // PRAGMA.
  ["sqlite", "pragma writable_schema = 1", "writable_schema"],
  ["sqlite", "pragma journal_mode(off)", "journal_mode"],
  ["sqlite", "pragma user_version = 5", "user_version"],
  ["sqlite", "pragma table_info(a); drop table t", "2 statements"],
  // Of another dialect.
  ["sqlite", "show tables", "SHOW"],
  ["mssql", "show tables drop table x", "SHOW"],
  ["any", "show tables drop table x", "DROP"],
];

describe("sql-readonly", () => {
  test.each(reads)("lets a query of %s pass: %s", (dialect, text) => {
    expect(sql(text, { dialect })).toBeUndefined();
  });

  test.each(writes)("refuses in %s: %j", (dialect, text, why) => {
    expect(sql(text, { dialect })).toMatch(new RegExp(why.replace(/[+\\]/g, String.raw`\$&`), "i"));
  });

  test("says which argument holds what, and to which database", () => {
    expect(sql("select 1; drop table x", { dialect: "postgres" })).toBe(
      '"sql" may only read: It holds 2 statements; send one at a time',
    );
    expect(sql("select 1 exec p")).toMatch(/EXEC is not read-only \(as .*mssql.* reads it\)$/);
  });

  test.each([
    [{ options: [{ Query: "drop table x" }] }],
    [{ sql: ["select 1", "drop table x"] }],
    [{ sql: { text: "/**/drop table x" } }],
    [{ q: "drop table x" }],
    [{ q: " ;(/* */ drop table x" }],
    [JSON.parse('{ "__proto__": { "sql": "vacuum" } }')],
    [{ sql: 5 }],
    [{ sql: true }],
  ])("finds SQL wherever it stands: %j", (args) => {
    expect(ask(args)).toBeDefined();
  });

  test.each([[{}], [undefined], [{ sql: null }], [{ limit: 5, table: "orders", note: "it's" }]])(
    "lets arguments without SQL pass: %j",
    (args) => {
      expect(ask(args)).toBeUndefined();
    },
  );

  test("looks at no deeper call stack for deep arguments", () => {
    let deep: unknown = { sql: "drop table x" };
    for (let at = 0; at < 1_500; at++) deep = [deep];
    expect(ask({ deep })).toMatch(/DROP/);
  });

  test("looks at no more than its limits", () => {
    const long = `select '${"a".repeat(10_000)}'`;
    expect(sql(long)).toMatch(/more than 10000 characters/);
    expect(sql(long, { maxLength: 20_000 })).toBeUndefined();
    expect(ask({ sql: [long, long] }, { maxLength: 20_000 })).toMatch(/more than 20000/);
    expect(sql(`select ${"1,".repeat(4_000)}1`)).toMatch(/more than is looked at/);
  });

  test("is widened by its config, and by no more than that", () => {
    expect(sql("select 1; select 2", { multiple: true })).toBeUndefined();
    expect(sql("select 1; drop table x", { multiple: true })).toMatch(/DROP/);
    expect(sql("select * from t for update", { dialect: "mysql", locks: true })).toBeUndefined();
    expect(sql("select pg_sleep(1)", { allowFunctions: ["PG_Sleep"] })).toBeUndefined();
    expect(sql("select nextval('a')", { allowFunctions: ["pg_sleep"] })).toMatch(/nextval/);
    expect(sql("select app.burn(1)", { denyFunctions: ["burn*"] })).toMatch(/burn/);
    expect(ask({ q: "drop table x" }, { otherArguments: "ignore" })).toBeUndefined();
    expect(ask({ q: "do it" }, { arguments: ["q"] })).toMatch(/DO/);
  });
});

const pieces = fc.constantFrom(
  ..."' \" ` [ ] $$ $a$ /* */ /*! -- # ; ( ) \\ \n \r E' select drop table x 1 1. e . : := @a ( , \0 é ．".split(
    " ",
  ),
  " ",
);
const nasty = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(""));
const dialect = fc.constantFrom<Dialect>("postgres", "mysql", "sqlite", "mssql", "any");

describe("sql-readonly, for any text", () => {
  test("answers, and never throws", () => {
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: "binary" })), dialect, (text, one) => {
        const said = sql(`select ${text}`, { dialect: one });
        expect(said === undefined || said.length > 0).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("any refuses what one of the four refuses", () => {
    const four = ["postgres", "mysql", "sqlite", "mssql"] as const;
    fc.assert(
      fc.property(nasty, (text) => {
        const whole = `select ${text}`;
        const isRefused = four.some((one) => sql(whole, { dialect: one }) !== undefined);
        expect(sql(whole) !== undefined).toBe(isRefused);
      }),
      { numRuns: 2_000 },
    );
  });

  test("no text before it hides a second statement that stands outside of quotes", () => {
    const quotable = fc.string({ unit: fc.constantFrom(...'ab;-/*#$\\"`[]( \n') });
    fc.assert(
      fc.property(quotable, dialect, (text, one) => {
        const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "")}'`;
        expect(sql(`select ${quoted}; drop table t`, { dialect: one })).toBeDefined();
        expect(sql(`select ${quoted}`, { dialect: one })).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["quotes", "''"],
    ["backslashes", String.raw`'\\`],
    ["open comments", "/*"],
    ["dollars", "$a"],
    ["tags", "$a$ "],
    ["line comments", "--"],
    ["spaces", " "],
    ["colons", "::a("],
    ["parentheses", "("],
    ["brackets", "[a]"],
    ["explained parentheses", "explain ("],
    ["line starts", "\n go"],
  ])("a megabyte of %s costs little time", (_, piece) => {
    const text = `select ${piece.repeat(1_000_000 / piece.length - 7)}`;
    const begun = performance.now();
    sql(text.slice(0, 1_000_000), { maxLength: 1_000_000, multiple: true });
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

runShipped("sql-readonly", {});
