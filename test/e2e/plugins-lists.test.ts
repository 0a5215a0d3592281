/** What plugins make of lists of tools, and of what servers say of themselves, at each endpoint. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, startEchoServer } from "./echo-server.ts";
import { allowAll } from "./gateway.ts";
import { type PluginsRig, openPluginsRig, startMs, ways } from "./plugins-rig.ts";
import { openRawClient } from "./raw-client.ts";
import { token } from "./reloading.ts";
import { type Heard, toHeard } from "./rules-rig.ts";

/** Does with a list what the client's name says. */
const lister = `import { type Plugin, type Tool, allow, definePlugin, redact } from "mcp-gw/plugin";

const modify = (tools: unknown) => ({ action: "modify" as const, tools: tools as Tool[] });
export default definePlugin({
  name: "lister",
  version: "1.0.0",
  onToolList: (tools, { client, upstream }) => {
    const [tool] = tools;
    const reworded = tools.map(({ name }) => ({ name, description: upstream.name + " has " + name + SECRET }));
    switch (client.id) {
      case "rewords": return modify(reworded);
      case "retypes": return modify(tools.map((each) => ({ ...each, title: "Bad", inputSchema: {}, annotations: {} })));
      case "drops": return modify([]);
      case "renames": return modify(reworded.map((each) => ({ ...each, name: "x" + each.name })));
      case "prefixes": return modify(reworded.map((each) => ({ ...each, name: upstream.name + "__" + each.name })));
      case "adds": return modify([...tools, { ...tool, name: "added" }]);
      case "numbers": return modify([{ name: tool?.name, description: 5 }]);
      case "halves": return upstream.name === "modern" ? modify([{ name: "none" }]) : modify(reworded);
      default: return allow();
    }
  },
  onText: (text, { source, client }) => {
    const at = source === "tool_description" && client.id === "rewords" ? text.indexOf("treasure") : -1;
    return at === -1 ? allow() : redact([[at, at + 8, "taken"]]);
  },
} satisfies Plugin);
`;
const secret = `ghp_${"a1B2c3D4e5".repeat(4).slice(0, 36)}`;
const modes = ["plain", "rewords", "retypes", "drops", "renames", "prefixes", "adds", "numbers"];
const clients = [...modes, "halves"];
const tokenOf = (client: string): string => `a-token-of-${client}-that-is-long-enough-for-it`;
const toTool = (name: string): string =>
  `{"name":"${name}","title":"${name}!","description":"Own ${name}","inputSchema":{"type":"object","properties":{"a":{"const":1e2}}},"annotations":{"readOnlyHint":true}}`;

let rig: PluginsRig;
let speaker: EchoServer;
beforeAll(async () => {
  speaker = await startEchoServer({ instructions: "Look for the treasure" });
  rig = await openPluginsRig({
    files: { "lister.ts": lister.replace("SECRET", JSON.stringify(` ${secret}`)) },
    plugins: [{ use: "./lister.ts" }],
    tools: ["echo", "other"].map(toTool),
    secrets: Object.fromEntries(clients.map((name) => [`OF_${name}`, tokenOf(name)])),
    config: {
      clients: Object.fromEntries(
        clients.map((name) => [name, { ...token(`OF_${name}`), allow: allowAll }]),
      ),
    },
  });
}, startMs);
afterAll(async () => {
  await rig.close();
  await speaker.close();
});

interface ShownTool {
  readonly name: string;
  readonly description?: string;
  readonly [member: string]: unknown;
}
type Answered = Heard & { readonly tools: readonly ShownTool[] };

describe.each(["shared", "own"])("at the %s endpoint", (endpoint) => {
  const isShared = endpoint === "shared";

  describe.each(ways)("for a $client client and a $server server", ({ client: era, server }) => {
    async function list(client: string): Promise<Answered> {
      const url = `${rig.url}/mcp${isShared ? "" : `/${server}`}`;
      const raw = await openRawClient(era, url, tokenOf(client));
      const params = raw.meta === "" ? "{}" : `{"_meta":{${raw.meta}}}`;
      const heard = toHeard((await raw.ask({ method: "tools/list", params })).at(-1) ?? "");
      return { ...heard, tools: (heard.result?.["tools"] ?? []) as readonly ShownTool[] };
    }
    const prefix = isShared ? `${server}__` : "";
    /** Those of the one server. */
    const ownOf = ({ tools }: Answered): readonly ShownTool[] =>
      tools.filter(({ name }) => name.startsWith(prefix));

    test("descriptions are what a plugin says, cleaned behind it, and all else is the server's", async () => {
      const [plain, reworded] = [await list("plain"), await list("rewords")];
      expect(ownOf(plain).map(({ name }) => name)).toEqual([`${prefix}echo`, `${prefix}other`]);
      const expected = ownOf(plain).map((each) => ({
        ...each,
        description: `${server} has ${each.name.slice(prefix.length)} [redacted:github-token]`,
      }));
      expect(ownOf(reworded)).toEqual(expected);
      expect(reworded.text).not.toContain(secret);
      expect(reworded.text).toContain("1e2");
    });

    test.each(["retypes", "drops"])(
      "a plugin that %s changes nothing that is used",
      async (mode) => {
        expect((await list(mode)).tools).toEqual((await list("plain")).tools);
      },
    );

    test.each(["renames", "prefixes", "adds", "numbers"])(
      "a plugin that %s has failed, and nothing of the list is shown",
      async (mode) => {
        const { code, text } = await list(mode);
        expect(code).toBe("PLUGIN_FAILED");
        expect(text).not.toMatch(/echo|Own|has/);
        expect(await rig.last()).toMatchObject({ code: "PLUGIN_FAILED" });
        const { plugins = [] } = await rig.last();
        const { hook, verdict } = plugins.at(-1) ?? {};
        expect(hook).toBe("onToolList");
        // One that fails often is kept out, and refuses all the same.
        expect(verdict).toMatch(/^(bad_verdict|quarantined)$/);
      },
    );

    test.runIf(isShared)("one server's list that is refused leaves the other one's", async () => {
      const { tools, code } = await list("halves");
      expect(code).toBeUndefined();
      expect(tools.map(({ name }) => name)).toEqual(["legacy__echo", "legacy__other"]);
      const { plugins = [] } = await rig.last();
      expect(plugins.map(({ verdict }) => verdict).toSorted()).toContain("bad_verdict");
    });
  });
});

test("what plugins say of tools is not what the gateway knows them by", async () => {
  const lock = await readFile(join(rig.folder, "gateway.lock.json"), "utf8");
  expect(lock).toContain("echo");
  expect(lock).not.toMatch(/ has |github|ghp_/);
  for (const name of ["echo", "other"]) {
    const raw = await openRawClient("modern", `${rig.url}/mcp/modern`, tokenOf("rewords"));
    const params = `{"name":"${name}","arguments":{"a":100},"_meta":{${raw.meta}}}`;
    const said = await raw.ask({ method: "tools/call", params, name });
    expect(toHeard(said.at(-1) ?? "").code).toBeUndefined();
  }
});

test.each([
  ["modern", "server/discover", ""],
  [
    "legacy",
    "initialize",
    `"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}`,
  ],
] as const)(
  "what a server says of itself goes out as a plugin leaves it (%s)",
  async (era, method, members) => {
    const changed = { ...rig.config, upstreams: { speaker: { url: speaker.url } } };
    await rig.change(changed);
    const instructions: unknown[] = [];
    for (const path of ["/mcp", "/mcp/speaker"]) {
      for (const client of ["plain", "rewords"]) {
        const raw = await openRawClient(era, `${rig.url}${path}`, tokenOf(client));
        const params = `{${[members, raw.meta && `"_meta":{${raw.meta}}`].filter(Boolean).join(",")}}`;
        const { result } = toHeard((await raw.ask({ method, params })).at(-1) ?? "");
        instructions.push(result?.["instructions"]);
      }
    }
    expect(instructions).toEqual([
      "speaker: Look for the treasure",
      "speaker: Look for the taken",
      "Look for the treasure",
      "Look for the taken",
    ]);
  },
);
