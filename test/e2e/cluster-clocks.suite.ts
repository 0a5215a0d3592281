/** Instances of which the last one has a clock that is 10 minutes ahead. */
import { expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import { type Cluster, type Member, tokens } from "./cluster.ts";
import { openSession } from "./events.ts";
import { modernRequest, post } from "./gateway.ts";

export const quickBucket = { burst: 50, perSecond: 20 };
const loadMs = 2_000;
const capabilities = {
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

export function clocksSuite(cluster: () => Cluster): void {
  const members = (): Cluster["members"] => cluster().members;
  const call = (name: string, more: object = {}) =>
    modernRequest("tools/call", { name, arguments: {}, ...more }, { meta: capabilities });
  const ask = async (member: Member, path: string, request: ReturnType<typeof call>) =>
    (await post(member.url() + path, request, tokens.b)).json();
  /** One whose clock is right and the one that is ahead, each way. */
  const pairs = (): readonly (readonly [Member, Member])[] => {
    const [right, , ahead] = members();
    return [
      [right, ahead],
      [ahead, right],
    ];
  };

  test("say so in the log of the one that differs", () => {
    const said = members().map((member) => member.program().output());
    expect(said.map((text) => /clock of this machine.*60\d/.test(text))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("let through what one bucket holds and what the store's time adds to it", async () => {
    const from = performance.now();
    const isOver = (): boolean => performance.now() - from > loadMs;
    let passed = 0;
    let sent = 0;
    const work = async (member: Member): Promise<void> => {
      for (; !isOver(); sent++) {
        const { status } = await post(`${member.url()}/mcp/x`, call("echo"), tokens.refilled);
        if (status === 200) passed++;
      }
    };
    await Promise.all(members().flatMap((member) => [work(member), work(member)]));
    const most = quickBucket.burst + ((performance.now() - from) / 1_000) * quickBucket.perSecond;
    expect(sent).toBeGreaterThan(most * 1.5);
    expect(passed).toBeLessThanOrEqual(most + 1);
    expect(passed).toBeGreaterThan(quickBucket.burst + (loadMs / 2_000) * quickBucket.perSecond);
  });

  test("serve each other's sessions", async () => {
    for (const [opener, other] of pairs()) {
      const { headers } = await openSession(opener.url(), { token: tokens.b });
      const about = {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      };
      const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
      const listed = await post(
        `${other.url()}/mcp`,
        { headers: { ...about, ...headers }, body },
        tokens.b,
      );
      expect([listed.status, listed.text]).toEqual([200, expect.stringContaining("x__echo")]);
    }
  });

  test.each([
    ["x", "ask", "n"],
    ["held", "end", "input-1"],
  ])("go on with a call of %s that another one asked for", async (upstream, tool, key) => {
    for (const [asking, other] of pairs()) {
      const asked = (await ask(asking, `/mcp/${upstream}`, call(tool))).result;
      expect(asked?.["resultType"]).toBe("input_required");
      const answer = { action: "accept", content: { name: "Ada" } };
      const more = { inputResponses: { [key]: answer }, requestState: asked?.["requestState"] };
      const end = await ask(other, `/mcp/${upstream}`, call(tool, more));
      expect(JSON.stringify(end.result?.content)).toContain("Ada");
    }
  });

  test("keep a block on all of them until it is over by the store's time", async () => {
    const are = (tool: string, expected: boolean) => async (): Promise<boolean> => {
      const answers = members().map((member) => ask(member, "/mcp", call(`x__${tool}`)));
      return (await Promise.all(answers)).every(
        ({ error }) => (error?.data.code === "TARGET_UNKNOWN") === expected,
      );
    };
    const block = async (member: Member, tool: string): Promise<void> => {
      const from = performance.now();
      const words = ["block", `x/${tool}`, "--for", "3s", "--why", "A pause"];
      expect(await member.run(...words)).toMatchObject({ code: 0 });
      await eventually(are(tool, true), 1_000);
      await eventually(are(tool, false));
      expect(performance.now() - from).toBeGreaterThan(3_000);
    };
    const [right, , ahead] = members();
    await Promise.all([block(right, "slow"), block(ahead, "ask")]);
  }, 30_000);
}
