/** What plugins say of all that goes before an answer, and beside any: over HTTP and over stdio. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import type { Era } from "../../src/mcp/index.ts";
import { type PluginsRig, anyTool, openPluginsRig, startMs, ways } from "./plugins-rig.ts";
import { openRawClient } from "./raw-client.ts";
import {
  type Call,
  type Plan,
  type RecordingServer,
  notification,
  startPipeRecorder,
  subscriptionKey,
} from "./recording-server.ts";
import { toHeard } from "./rules-rig.ts";

/** Refuses or takes out by words, whatever the message is. */
const reader = `import { type Plugin, allow, definePlugin, deny, redact } from "mcp-gw/plugin";

export default definePlugin({
  name: "reader",
  version: "1.0.0",
  match: { on: ["*/echo", "*/file:///guarded*"] },
  onText: (text, { direction }) => {
    if (direction === "to_server") return allow();
    if (text.includes("text-deny")) return deny("not this text");
    const at = text.indexOf("treasure");
    return at === -1 ? allow() : redact([[at, at + 8, "taken"]]);
  },
} satisfies Plugin);
`;

const fine = '"result":{"resultType":"complete","content":[{"type":"text","text":"treasure end"}]}';
const sayings = ["notifications/progress", "notifications/message"] as const;
type Saying = (typeof sayings)[number];

/** Speaks thrice before it answers, with the token that it was given. */
function speak({ text }: Call): Plan {
  const { params } = JSON.parse(text) as {
    params: { arguments?: { by: Saying; words: string }; _meta?: { progressToken?: unknown } };
  };
  const { by = "notifications/message", words = "" } = params.arguments ?? {};
  const token = JSON.stringify(params._meta?.progressToken);
  const say = (said: string, at: number): string => {
    const data = JSON.stringify(said);
    return by === "notifications/message"
      ? notification(by, `{"level":"error","data":${data}}`)
      : notification(by, `{"progressToken":${token},"progress":${at},"message":${data}}`);
  };
  return { before: ["one", words, "three treasure"].map(say), end: fine };
}

describe.each(["http", "stdio"] as const)("over %s", (transport) => {
  let rig: PluginsRig;
  let servers: Readonly<Record<Era, RecordingServer>>;
  let close = async (): Promise<unknown> => undefined;
  beforeAll(async () => {
    const config = transport === "stdio" ? await startPipes() : {};
    rig = await openPluginsRig({
      files: { "reader.ts": reader },
      plugins: [{ use: "./reader.ts" }],
      answer: speak,
      config,
    });
    if (transport === "http") servers = rig.servers;
  }, startMs);
  afterAll(async () => {
    await rig.close();
    await close();
  });

  async function startPipes(): Promise<object> {
    const wording = { answer: speak, lists: { tools: [anyTool("echo")] } };
    const [modern, legacy] = await Promise.all([
      startPipeRecorder({ era: "modern", ...wording }),
      startPipeRecorder({ era: "legacy", ...wording }),
    ]);
    servers = { modern, legacy };
    close = () => Promise.all([modern.close(), legacy.close()]);
    const [one, other] = [modern, legacy].map(({ command, args }) => ({ command, args }));
    return { upstreams: { modern: one, legacy: other } };
  }

  describe.each(ways)("for a $client client and a $server server", (way) => {
    const { client: era, server } = way;

    async function hear(by: Saying, words: string): Promise<readonly string[]> {
      const raw = await rig.client(way);
      const meta = [raw.meta, '"progressToken":"p"'].filter((each) => each !== "").join(",");
      const args = JSON.stringify({ by, words });
      const params = `{"name":"echo","arguments":${args},"_meta":{${meta}}}`;
      return raw.ask({ method: "tools/call", params, name: "echo" });
    }

    test.each(sayings)("each %s goes out as a plugin leaves it", async (by) => {
      const messages = await hear(by, "a treasure b");
      const said = messages.join("\n");
      expect(messages).toHaveLength(4);
      expect(messages.slice(0, 3).every((each) => each.includes(`"method":"${by}"`))).toBe(true);
      expect(said).toMatch(/"one".*\n.*"a taken b".*\n.*"three taken".*\n.*"taken end"/);
      expect(said).not.toContain("treasure");
    });

    test.each(sayings)(
      "%s that is denied ends the call, and nothing comes behind it",
      async (by) => {
        const messages = await hear(by, "text-deny treasure");
        const { code, text } = toHeard(messages.at(-1) ?? "");
        expect(code).toBe("PLUGIN_DENIED");
        expect(text).toContain("not this text");
        expect(messages).toHaveLength(2);
        expect(messages.join()).not.toMatch(/treasure|taken|three/);
        expect(await rig.last()).toMatchObject({ decision: "denied", stage: "review" });
      },
    );

    test.each(["shared", "own"])(
      "news of a resource goes out as a plugin leaves it, at the %s endpoint",
      async (endpoint) => {
        const uri = `file:///guarded/${transport}-${era}-${endpoint}`;
        const isShared = endpoint === "shared";
        const path = isShared ? "/mcp" : `/mcp/${server}`;
        const stream = await openRawClient(era, `${rig.url}${path}`).then((raw) =>
          raw.listen(isShared ? `${server}+${uri}` : uri),
        );
        const { isFollowed, tell } = servers[server];
        await eventually(() => isFollowed(uri));
        for (const words of ["text-deny treasure", "a treasure b"]) {
          tell((id) => {
            const meta = id === undefined ? "" : `,"_meta":{"${subscriptionKey}":${id}}`;
            const params = `{"uri":"${uri}","title":"${words}"${meta}}`;
            return notification("notifications/resources/updated", params);
          });
        }
        const said = await stream.next();
        stream.close();
        expect(said).toContain('"a taken b"');
        await eventually(() => !isFollowed(uri));
      },
    );

    test("a log line that belongs to no call reaches nobody", async () => {
      const raw = await rig.client(way);
      const stream = await raw.listen("file:///quiet");
      const { isFollowed, tell } = servers[server];
      await eventually(() => isFollowed("file:///quiet"));
      tell(() => notification("notifications/message", '{"level":"error","data":"treasure"}'));
      tell((id) => {
        const meta = id === undefined ? "" : `,"_meta":{"${subscriptionKey}":${id}}`;
        return notification("notifications/resources/updated", `{"uri":"file:///quiet"${meta}}`);
      });
      expect(await stream.next()).not.toContain("treasure");
      stream.close();
      await eventually(() => !isFollowed("file:///quiet"));
    });
  });
});
