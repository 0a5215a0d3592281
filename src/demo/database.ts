/** Demo MCP server: tables in memory, with a small reader of SQL and rows that nobody should see. */
import { McpServer, fromJsonSchema } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { dataAnswer, failedAnswer } from "./answers.ts";
import { fakeSecrets } from "./fake-secrets.ts";

type Row = Readonly<Record<string, string | number>>;

const tables = new Map<string, Row[]>([
  [
    "customers",
    [
      { id: 1, name: "Ada", email: "ada@example.com", city: "Bern" },
      { id: 2, name: "Bob", email: "bob@example.com", city: "Lima" },
      { id: 3, name: "Cleo", email: "cleo@example.org", city: "Bern" },
    ],
  ],
  [
    "integrations",
    [
      { id: 1, service: "cloud", secret: fakeSecrets.cloudKey },
      { id: 2, service: "github", secret: fakeSecrets.githubToken },
    ],
  ],
]);

/** `select <columns> from <table> [where <column> = <value>] [limit <count>]` */
const select =
  /^\s*select\s+(?<columns>\*|\w+(?:\s*,\s*\w+)*)\s+from\s+(?<table>\w+)(?:\s+where\s+(?<where>.+?))?(?:\s+limit\s+(?<limit>\d{1,4}))?\s*;?\s*$/i;
const comparison = /^\s*(?<column>\w+)\s*=\s*(?:'(?<text>[^']*)'|(?<number>-?\d+))\s*$/;

/** Throws with a message for the caller where the condition cannot be read. */
function toMatcher(where: string | undefined): (row: Row) => boolean {
  if (where === undefined) return () => true;
  const parts = comparison.exec(where)?.groups;
  if (parts === undefined) throw new Error(`Cannot read the condition "${where}"`);
  const value = parts["text"] ?? Number(parts["number"]);
  return (row) => row[parts["column"] ?? ""] === value;
}

function tableNamed(name: string): Row[] {
  const rows = tables.get(name.toLowerCase());
  if (rows === undefined) throw new Error(`There is no table "${name}"`);
  return rows;
}

function runQuery(sql: string): Row[] {
  const parts = select.exec(sql)?.groups;
  if (parts === undefined) throw new Error("Only simple select statements are understood");
  const rows = tableNamed(parts["table"] ?? "").filter(toMatcher(parts["where"]));
  const columns = parts["columns"] === "*" ? undefined : parts["columns"]?.split(/\s*,\s*/);
  return rows.slice(0, Number(parts["limit"] ?? rows.length)).map((row) => {
    if (columns === undefined) return row;
    return Object.fromEntries(columns.map((column) => [column, row[column] ?? ""]));
  });
}

function deleteRows(table: string, where: string): number {
  const rows = tableNamed(table);
  const matches = toMatcher(where);
  const kept = rows.filter((row) => !matches(row));
  tables.set(table.toLowerCase(), kept);
  return rows.length - kept.length;
}

function answered(act: () => Record<string, unknown>) {
  try {
    return dataAnswer(act());
  } catch (error) {
    return failedAnswer(error instanceof Error ? error.message : "The query failed");
  }
}

function createDatabase(): McpServer {
  const server = new McpServer({ name: "database", version: "1.0.0" });
  server.registerTool(
    "tables",
    {
      description: "The tables and how many rows each has",
      inputSchema: fromJsonSchema<Record<string, never>>({ type: "object", properties: {} }),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => dataAnswer({ tables: [...tables].map(([name, rows]) => ({ name, rows: rows.length })) }),
  );
  server.registerTool(
    "query",
    {
      description: "Runs a select statement, such as: select name, city from customers limit 2",
      inputSchema: fromJsonSchema<{ sql: string }>({
        type: "object",
        properties: { sql: { type: "string", maxLength: 2000 } },
        required: ["sql"],
      }),
      annotations: { openWorldHint: false },
    },
    ({ sql }) => answered(() => ({ rows: runQuery(sql) })),
  );
  server.registerTool(
    "delete_rows",
    {
      description: "Deletes the rows of a table that match a condition such as: id = 3",
      inputSchema: fromJsonSchema<{ table: string; where: string }>({
        type: "object",
        properties: {
          table: { type: "string", maxLength: 64 },
          where: { type: "string", maxLength: 200 },
        },
        required: ["table", "where"],
      }),
      annotations: { destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    ({ table, where }) => answered(() => ({ deleted: deleteRows(table, where) })),
  );
  return server;
}

serveStdio(createDatabase);
