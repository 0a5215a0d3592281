/** Any instance serves any request, also when the one before has gone. */
import { describe, afterAll, beforeAll, expect, test } from "vitest";
import type { ClusterServers } from "./cluster-servers.ts";
import { type Cluster, type Member, tokens } from "./cluster.ts";
import { type EventStream, type RawSession, openEvents, openSession } from "./events.ts";
import { type JsonAnswer, modernRequest, post } from "./gateway.ts";

export const bucket = 400;
const calls = 2_000;
export const atOnce = 40;
const capabilities = {
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

export function callsSuite(cluster: () => Cluster, servers: () => ClusterServers): void {
  const a = (): Member => cluster().members[0];
  const b = (): Member => cluster().members[1];
  const c = (): Member => cluster().members[2];
  const call = (name: string, more: object = {}, meta: object = {}) =>
    modernRequest(
      "tools/call",
      { name, arguments: {}, ...more },
      { meta: { ...capabilities, ...meta } },
    );

  test("let through of 2,000 calls exactly what one bucket holds", async () => {
    const results: (number | string)[] = [];
    const work = async (): Promise<void> => {
      while (results.length < calls) {
        const at = results.push(0) - 1;
        const answer = await post(`${cluster().front.url}/mcp/x`, call("echo"), tokens.counted);
        results[at] = answer.status === 200 ? 200 : (codeOf(answer.json()) ?? "");
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    expect(Object.fromEntries(count(results))).toEqual({
      200: bucket,
      RATE_EXCEEDED: calls - bucket,
    });
    // Each of them did a part of it.
    for (const member of cluster().members) {
      const allowed = (await member.records()).filter(({ decision }) => decision === "allowed");
      expect(allowed.length).toBeGreaterThan(bucket / 6);
    }
  }, 60_000);

  async function openHeld(name: string): Promise<JsonAnswer> {
    const request = call(name, {}, { progressToken: 1 });
    const asked = (await post(`${a().url()}/mcp/held`, request, tokens.b)).json();
    expect(asked.result?.["resultType"]).toBe("input_required");
    return asked;
  }
  const retryHeld = (name: string, asked: JsonAnswer): Promise<EventStream> =>
    openEvents(
      `${b().url()}/mcp/held`,
      { method: "POST", ...call(name, accept("input-1", asked), { progressToken: 2 }) },
      tokens.b,
    );

  test("go on with a call that another one holds", async () => {
    const stream = await retryHeld("end", await openHeld("end"));
    const messages = (await stream.rest()).map(({ message }) => message);
    expect(messages.map(({ method }) => method)).toEqual(["notifications/progress", undefined]);
    expect(JSON.stringify(messages[1]?.result)).toContain("Ada");
  });

  describe("of which one was killed", () => {
    let session: RawSession;
    let asked: JsonAnswer;

    beforeAll(async () => {
      session = await openSession(a().url(), { token: tokens.b });
      asked = (await post(`${a().url()}/mcp/x`, call("ask"), tokens.b)).json();
      expect(asked.result?.["resultType"]).toBe("input_required");
    });
    afterAll(() => a().start(), 60_000);

    test("end within a second what that one held", async () => {
      const waiting = await openHeld("end");
      const going = await retryHeld("never", await openHeld("never"));
      expect((await going.next())?.message.params).toMatchObject({ progress: 1 });
      await a().kill();
      const from = performance.now();
      const within = async <T>(answer: Promise<T>) =>
        [await answer, performance.now() - from < 1_000] as const;
      const refused = post(
        `${b().url()}/mcp/held`,
        call("end", accept("input-1", waiting)),
        tokens.b,
      );
      const ends = [
        going.next().then((event) => event?.message.error?.data?.code),
        refused.then((answer) => codeOf(answer.json())),
      ];
      const inTime = ["UPSTREAM_UNAVAILABLE", true];
      expect(await Promise.all(ends.map(within))).toEqual([inTime, inTime]);
    });

    test("serve its session", async () => {
      for (const member of [b(), c()]) {
        const { status, last } = await listIn(session, member);
        expect([status, JSON.stringify(last)]).toEqual([200, expect.stringContaining("x__echo")]);
      }
    });

    test("go on between the rounds of its call", async () => {
      const answer = await post(`${b().url()}/mcp/x`, call("ask", accept("n", asked)), tokens.b);
      expect(answer.json().result?.content).toEqual([{ type: "text", text: "Ada" }]);
    });
  });

  test("tell their streams of a change that only another one saw", async () => {
    const session = await openSession(a().url(), { path: "/mcp/changing", token: tokens.b });
    const wish = { notifications: { toolsListChanged: true } };
    const streams = [
      await openEvents(
        `${a().url()}/mcp/changing`,
        { method: "POST", ...modernRequest("subscriptions/listen", wish) },
        tokens.b,
      ),
      await session.listen(),
    ];
    expect((await streams[0]?.next())?.message.method).toMatch(/acknowledged$/);
    // The change must not be older than what the listeners know.
    await listIn(session, a(), "/mcp/changing");
    servers().tools.add("new");
    await post(`${b().url()}/mcp/changing`, call("change"), tokens.b);
    for (const stream of streams) {
      const event = await stream.next();
      expect(event?.message.method).toBe("notifications/tools/list_changed");
      stream.leave();
    }
    const listed = await listIn(session, a(), "/mcp/changing");
    expect(JSON.stringify(listed.last)).toContain('"new"');
  });

  async function listIn({ headers }: RawSession, member: Member, path = "/mcp") {
    const body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
    const about = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
    };
    const answer = await post(
      member.url() + path,
      { headers: { ...about, ...headers }, body },
      tokens.b,
    );
    return { status: answer.status, last: answer.json() };
  }
}

function accept(key: string, { result }: JsonAnswer) {
  const answer = { action: "accept", content: { name: "Ada" } };
  return { inputResponses: { [key]: answer }, requestState: result?.["requestState"] };
}

function codeOf({ code, error }: JsonAnswer): string | undefined {
  return code ?? error?.data.code;
}

function count(values: readonly unknown[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  return counts;
}
