/** The kill switch, worked from the folder of one instance of several. */
import { expect, test } from "vitest";
import { eventually } from "../stores/eventually.ts";
import { type Cluster, type Member, tokens } from "./cluster.ts";
import { type EventStream, openEvents, openSession } from "./events.ts";
import { modernRequest, post } from "./gateway.ts";

export function blocksSuite(cluster: () => Cluster): void {
  const members = (): Cluster["members"] => cluster().members;
  const call = (name: string) =>
    modernRequest("tools/call", { name, arguments: {} }, { meta: { progressToken: 1 } });
  const send = async (member: Member, name: string, token: string): Promise<string> =>
    wordsOf((await post(`${member.url()}/mcp`, call(`x__${name}`), token)).text, name);
  /** What each instance says to a call. */
  const ask = (name: string, token: string): Promise<readonly string[]> =>
    Promise.all(members().map((member) => send(member, name, token)));
  const list = (token: string): Promise<readonly string[]> =>
    Promise.all(
      members().map(
        async (member) =>
          (await post(`${member.url()}/mcp`, modernRequest("tools/list"), token)).text,
      ),
    );
  const is = (name: string, token: string, expected: string) => async (): Promise<boolean> =>
    (await ask(name, token)).every((text) => text === expected);

  /** A subscription, the stream of a session, and the stream of a call, all of them open. */
  async function openStreams(member: Member, token: string): Promise<readonly EventStream[]> {
    const wish = { notifications: { toolsListChanged: true } };
    const listen = modernRequest("subscriptions/listen", wish);
    const events = (path: string, request: typeof listen): Promise<EventStream> =>
      openEvents(member.url() + path, { method: "POST", ...request }, token);
    const streams = [
      await events("/mcp", listen),
      await events("/mcp/x", call("long")),
      await (await openSession(member.url(), { token })).listen(),
    ];
    // Each of the first two has said something by now.
    await Promise.all(streams.slice(0, 2).map((stream) => stream.next()));
    return streams;
  }

  test("take away from a client what it has and what it asks for, on each within a second", async () => {
    const [first, , third] = members();
    const [worked, unknown] = [
      await send(first, "echo", tokens.b),
      await send(first, "none", tokens.b),
    ];
    expect(worked).toContain('"ok"');
    expect(unknown).toContain("TARGET_UNKNOWN");
    const streams = (
      await Promise.all(members().map((member) => openStreams(member, tokens.b)))
    ).flat();
    const others = await openStreams(first, tokens.a);
    const before = await Promise.all(
      members().map(async (member) => (await member.records()).length),
    );
    const ends = Promise.all(streams.map((stream) => stream.rest()));

    const blocked = await first.run("block", "--client", "b", "--why", "An incident");
    expect(blocked).toMatchObject({ code: 0, output: expect.stringContaining("Blocked client b") });
    const from = performance.now();
    const rests = (await ends).map((events) => events.map(({ message }) => message));
    expect(await ask("echo", tokens.b)).toEqual([unknown, unknown, unknown]);
    expect(performance.now() - from).toBeLessThan(1_000);
    const isCall = (index: number): boolean => index % 3 === 1;
    const lasts = rests
      .filter((_, index) => isCall(index))
      .map((all) => all.at(-1)?.error?.data?.code);
    expect(lasts).toEqual(members().map(() => "TARGET_UNKNOWN"));
    for (const text of await list(tokens.b)) expect(text).toContain('"tools":[]');

    // Nobody else has lost anything.
    expect(await ask("echo", tokens.a)).toEqual([worked, worked, worked]);
    const next = others[2]?.next();
    expect(await Promise.race([next, Promise.resolve("open")])).toBe("open");
    others.forEach((stream) => stream.leave());
    await next?.catch(() => undefined);

    const streamed = ["session/stream", "subscriptions/listen", "tools/call"];
    for (const [index, member] of members().entries()) {
      const methods = (await member.records())
        .slice(before[index])
        .filter(({ client, code }) => client === "b" && code === "BLOCKED")
        .map(({ method }) => method);
      expect(methods.toSorted()).toEqual([...streamed, "tools/call"]);
    }
    const admin = (await first.records()).slice(before[0]).filter(({ kind }) => kind === "admin");
    expect(admin).toMatchObject([{ decision: "allowed" }]);

    expect(await third.run("unblock", "--client", "b")).toMatchObject({ code: 0 });
    expect(await eventually(is("echo", tokens.b, worked))).toBeLessThan(1_000);
    for (const text of await list(tokens.b)) expect(text).toContain('"x__echo"');
  }, 60_000);

  test("keep a block of a tool when all of them are started again", async () => {
    const [first, second] = members();
    const unknown = await send(first, "none", tokens.a);
    const blocked = await second.run("block", "x/echo", "--why", "An incident");
    expect(blocked.code).toBe(0);
    expect(await Promise.all(members().map((member) => member.end()))).toEqual([0, 0, 0]);
    await Promise.all(members().map((member) => member.start()));
    expect(await ask("echo", tokens.a)).toEqual([unknown, unknown, unknown]);
    for (const text of await list(tokens.a)) {
      expect(text).not.toContain('"x__echo"');
      expect(text).toContain('"x__slow"');
    }
    const shown = await first.run("blocks");
    expect(shown.output).toMatch(/x\/echo .*An incident/);
    expect((await first.run("unblock", "x/echo")).code).toBe(0);
  }, 60_000);
}

/** What differs from call to call is left out. */
function wordsOf(text: string, name: string): string {
  return text.replace(/"requestId":"[^"]*"/, "").replaceAll(name, "NAME");
}
