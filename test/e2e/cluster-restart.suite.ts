/** Instances that are restarted and killed under load: no call is lost, no record is missing. */
import { expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import { type Cluster, type Member } from "./cluster.ts";
import {
  type EventStream,
  type RawSession,
  legacyBody,
  openEvents,
  openSession,
  streamAccept,
} from "./events.ts";
import { modernRequest, post } from "./gateway.ts";

export const drain = { graceMs: 1_200, deadlineMs: 1_200 };
const { graceMs, deadlineMs } = drain;

export function restartSuite(cluster: () => Cluster): void {
  const members = (): Cluster["members"] => cluster().members;

  /** Calls of both eras at a steady rate until `stop`; every third one takes a while. */
  async function load(perSecond: number): Promise<Load> {
    const url = `${cluster().front.url}/mcp/x`;
    const session = await openSession(cluster().front.url, { path: "/mcp/x" });
    const answered: string[] = [];
    const lost: string[] = [];
    const calls: Promise<void>[] = [];
    const call = async (index: number): Promise<void> => {
      const params = { name: index % 3 === 0 ? "slow" : "echo", arguments: {} };
      const request =
        index % 2 === 0 ? modernRequest("tools/call", params) : inSession(session, params, index);
      try {
        const answer = await post(url, request);
        const isDone = answer.status === 200 && answer.json().result?.isError !== true;
        const id = answer.headers.get("x-request-id") ?? "";
        (isDone ? answered : lost).push(isDone ? id : `${answer.status} ${answer.text}`);
      } catch (error) {
        lost.push(`${String(error)}: ${String((error as Error).cause)}`);
      }
    };
    const from = performance.now();
    const timer = setInterval(() => {
      const due = ((performance.now() - from) / 1_000) * perSecond;
      while (calls.length < due) calls.push(call(calls.length));
    }, 2);
    return {
      answered,
      lost,
      stop: async () => {
        clearInterval(timer);
        await Promise.all(calls);
      },
    };
  }

  /** Of all three, how often each exchange stands there. */
  async function recorded(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const member of members()) {
      for (const { id } of await member.records()) {
        counts.set(String(id), (counts.get(String(id)) ?? 0) + 1);
      }
    }
    return counts;
  }

  const call = (name: string) =>
    modernRequest("tools/call", { name, arguments: {} }, { meta: { progressToken: 1 } });
  const listen = (member: Member): Promise<EventStream> =>
    openEvents(`${member.url()}/mcp/x`, {
      method: "POST",
      ...modernRequest("subscriptions/listen", { notifications: { toolsListChanged: true } }),
    });

  /** SIGTERM, and what is seen of the instance until it has gone. */
  async function restart(member: Member): Promise<void> {
    const url = member.url();
    const subscription = await listen(member);
    const own = await (await openSession(url)).listen();
    await subscription.next();
    const from = performance.now();
    const exited = member.end();
    await eventually(async () => (await fetch(`${url}/readyz`)).status === 503, graceMs);
    // It takes calls all the same, for as long as somebody may not have looked yet.
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await post(`${url}/mcp/x`, call("echo"))).status).toBe(200);
    // A modern subscription ends with an answer, a session's stream without a word.
    const [said, silent] = await Promise.all([subscription.rest(), own.rest()]);
    expect(said.map(({ message }) => message.result?.["resultType"])).toEqual(["complete"]);
    expect(silent).toEqual([]);
    expect(await exited).toBe(0);
    expect(performance.now() - from).toBeLessThan(graceMs + deadlineMs);
    expect((await member.records()).at(-1)).toMatchObject({ kind: "stop" });
    await member.start();
    await eventually(() => cluster().front.sees(3));
  }

  test("lose no call when one after the other is started again", async () => {
    const calls = await load(100);
    for (const member of members()) await restart(member);
    await calls.stop();
    expect(calls.lost).toEqual([]);
    expect(calls.answered.length).toBeGreaterThan(300);
    const counts = await recorded();
    expect(calls.answered.filter((id) => counts.get(id) !== 1)).toEqual([]);
  }, 60_000);

  test("end within their deadline though a call does not", async () => {
    const [member] = members();
    const stream = await openEvents(`${member.url()}/mcp/x`, { method: "POST", ...call("long") });
    await stream.next();
    const from = performance.now();
    expect(await member.end()).toBe(0);
    const took = performance.now() - from;
    expect(took).toBeGreaterThan(graceMs + deadlineMs - 50);
    expect(took).toBeLessThan(graceMs + deadlineMs + 2_000);
    const id = stream.response.headers.get("x-request-id");
    const records = await member.records();
    expect(records.filter((record) => record["id"] === id)).toHaveLength(1);
    expect(records.at(-1)).toMatchObject({ kind: "stop" });
    await stream.rest().catch(() => undefined);
    await member.start();
    await eventually(() => cluster().front.sees(3));
  }, 30_000);

  test("miss no record of a call that was answered when one of them is killed", async () => {
    const calls = await load(200);
    await eventually(() => calls.answered.length >= 150);
    await members()[0].kill();
    const before = calls.answered.length;
    await eventually(() => calls.answered.length >= before + 150);
    await calls.stop();
    // Only what the one that was killed had begun with is gone.
    for (const text of calls.lost) expect(text).toMatch(/^502 The instance broke off/);
    const counts = await recorded();
    expect(calls.answered.filter((id) => counts.get(id) !== 1)).toEqual([]);
    const verified = await Promise.all(members().map((member) => member.run("audit", "verify")));
    for (const { code, output } of verified) {
      expect([code, output]).toEqual([0, expect.stringContaining("none changed, none missing")]);
    }
  }, 60_000);
}

function inSession({ headers }: RawSession, params: object, id: number) {
  const own = { "content-type": "application/json", ...streamAccept, ...headers };
  return { headers: own, body: legacyBody("tools/call", params, id) };
}

interface Load {
  /** The ids of the calls that were answered. */
  readonly answered: readonly string[];
  /** What became of the others. */
  readonly lost: readonly string[];
  /** Waits for the calls that are under way. */
  readonly stop: () => Promise<void>;
}
