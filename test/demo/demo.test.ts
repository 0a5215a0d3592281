/** The demo servers as real processes, spoken to by the official client in both eras. */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { afterEach, describe, expect, test } from "vitest";
import { type DemoName, demoConfigFile, demoUpstream } from "../../src/demo/index.ts";

const eras = { modern: { pin: "2026-07-28" }, legacy: "legacy" } as const;
const open: Client[] = [];

async function connect(name: DemoName, era: keyof typeof eras): Promise<Client> {
  const { command, args, env } = demoUpstream(name);
  const client = new Client(
    { name: "test", version: "1.0.0" },
    { versionNegotiation: { mode: eras[era] } },
  );
  const inherited = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "" };
  open.push(client);
  await client.connect(new StdioClientTransport({ command, args, env: { ...inherited, ...env } }));
  return client;
}

function textOf(result: object): string {
  return JSON.stringify(result);
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

describe.each(["modern", "legacy"] as const)("the demo servers in the %s era", (era) => {
  test("weather lists and answers tools, resources and a prompt", async () => {
    const client = await connect("weather", era);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      "current",
      "forecast",
    ]);
    const now = await client.callTool({ name: "current", arguments: { city: "Bern" } });
    expect(now.structuredContent).toEqual({ city: "Bern", day: 0, temperature: 11, sky: "cloudy" });
    const days = await client.callTool({ name: "forecast", arguments: { city: "Oslo", days: 3 } });
    expect(days.structuredContent).toMatchObject({ days: { length: 3 } });
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toContain("weather://bern/now");
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates[0]?.uriTemplate).toBe("weather://{city}/now");
    expect(textOf(await client.readResource({ uri: "weather://oslo/now" }))).toContain("snow");
    const prompt = await client.getPrompt({ name: "packing-list", arguments: { city: "Lima" } });
    expect(textOf(prompt)).toContain("forecast for Lima");
  });

  test("weather says which cities it knows", async () => {
    const client = await connect("weather", era);
    const result = await client.callTool({ name: "current", arguments: { city: "Atlantis" } });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain("known are bern");
  });

  test("database answers select, refuses what it cannot read, deletes by condition", async () => {
    const client = await connect("database", era);
    const query = (sql: string) => client.callTool({ name: "query", arguments: { sql } });
    const bern = await query("select name, city from customers where city = 'Bern' limit 5");
    expect(bern.structuredContent).toEqual({
      rows: [
        { name: "Ada", city: "Bern" },
        { name: "Cleo", city: "Bern" },
      ],
    });
    expect(textOf(await query("SELECT * FROM integrations"))).toContain("AKIA");
    expect((await query("drop table customers")).isError).toBe(true);
    const deleted = await client.callTool({
      name: "delete_rows",
      arguments: { table: "customers", where: "id = 2" },
    });
    expect(deleted.structuredContent).toEqual({ deleted: 1 });
    const tables = await client.callTool({ name: "tables", arguments: {} });
    expect(tables.structuredContent).toEqual({
      tables: [
        { name: "customers", rows: 2 },
        { name: "integrations", rows: 2 },
      ],
    });
  });

  test("ai-tools reports progress before the summary", async () => {
    const client = await connect("ai-tools", era);
    const progress: number[] = [];
    const result = await client.callTool(
      { name: "summarize", arguments: { text: "Gateways stand between. Gateways decide." } },
      { onprogress: (step) => progress.push(step.progress) },
    );
    expect(progress).toEqual([0, 1, 2]);
    expect(textOf(result)).toContain("Gateways stand between. (about: gateways");
    const count = await client.callTool({ name: "count_tokens", arguments: { text: "12345678" } });
    expect(count.structuredContent).toEqual({ characters: 8, tokens: 2 });
  });

  test("http-api leaks its keys, so that the gateway has something to find", async () => {
    const client = await connect("http-api", era);
    const user = await client.callTool({ name: "get_user", arguments: { id: 1 } });
    expect(textOf(user)).toContain("sk_live_");
    const ticket = await client.callTool({ name: "create_ticket", arguments: { title: "Help" } });
    expect(textOf(ticket)).toContain("xoxb-");
  });
});

test("the demo's config is the one at the root of the repository", () => {
  expect(demoConfigFile()).toBe(new URL("../../gateway.config.ts", import.meta.url).pathname);
});
