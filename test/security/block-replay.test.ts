/** The kill switch and what is kept for legacy clients that come back (J7, P6): nothing is said twice of what is blocked. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type EventStream, type RawSession, openEvents, openSession } from "../e2e/events.ts";
import { type RunningGateway, allowAll, authA, runGateway } from "../e2e/gateway.ts";
import { eventually } from "../stores/eventually.ts";
import { startEvents } from "../upstreams/fake-server.ts";
import {
  closeLater,
  closeRigs,
  exchangesOf,
  listText,
  logText,
  openServer,
  reply,
  toolText,
  withoutIds,
} from "./rig.ts";

let gateway: RunningGateway;
/** Lets the call that is under way end. */
let finish: () => void = () => undefined;

beforeAll(async () => {
  const x = await openServer({
    "tools/list": reply(listText("tools", [toolText("t"), toolText("other")])),
    "tools/call": ({ id }, response) => {
      startEvents(response);
      const say = (text: string) => response.write(`data: ${text}\n\n`);
      say(logText('"the first"'));
      say(logText('"the second"'));
      finish = () => {
        const content = '[{"type":"text","text":"the last"}]';
        say(`{"jsonrpc":"2.0","id":${id},"result":{"content":${content}}}`);
        response.end();
      };
    },
  });
  gateway = await runGateway({
    upstreams: { x: { url: x.url } },
    clients: { a: { auth: authA, allow: allowAll } },
  });
  closeLater(gateway.close);
});
afterAll(closeRigs);
afterEach(async () => {
  for (const { id } of gateway.blocks.list()) await gateway.blocks.remove(id);
});

const block = (what: object) => gateway.blocks.add({ ...what, why: "an incident", by: "ops" });

/** A call whose first message has come; `after` is where its stream can be gone on with. */
async function call(): Promise<{ session: RawSession; stream: EventStream; after: string }> {
  const session = await openSession(gateway.url);
  await session.send("logging/setLevel", { level: "debug" });
  const stream = await session.stream("tools/call", { name: "x__t", arguments: {} }, 7);
  const first = await stream.next();
  return { session, stream, after: first?.id ?? "" };
}
function comeBack({ headers }: RawSession, after: string): Promise<EventStream> {
  return openEvents(`${gateway.url}/mcp`, { headers: { ...headers, "last-event-id": after } });
}

test.each([
  ["a target", { target: "x/t" }],
  ["a client", { client: "a" }],
  ["everything", {}],
])("With %s blocked what was said before is not said again", async (_, what) => {
  const { session, stream, after } = await call();
  finish();
  expect(await stream.rest()).toHaveLength(2);
  const unknown = await comeBack(session, `${"A".repeat(22)}-1`);
  const { id } = await block(what);
  const again = await comeBack(session, after);
  expect([again.response.status, withoutIds(await again.response.text())]).toEqual([
    unknown.response.status,
    withoutIds(await unknown.response.text()),
  ]);
  expect((await exchangesOf(gateway)).at(-1)).toMatchObject({
    decision: "denied",
    code: "BLOCKED",
    why: "an incident",
  });
  await gateway.blocks.remove(id);
  expect(await (await comeBack(session, after)).rest()).toHaveLength(2);
});

test("With another target blocked it is said again", async () => {
  const { session, stream, after } = await call();
  finish();
  await stream.rest();
  await block({ target: "x/other" });
  expect(await (await comeBack(session, after)).rest()).toHaveLength(2);
});

test("A stream that was gone on with ends when its call is blocked, without the last word", async () => {
  const { session, stream, after } = await call();
  stream.leave();
  const again = await comeBack(session, after);
  expect(JSON.stringify(await again.next())).toContain("the second");
  await block({ target: "x/t" });
  finish();
  expect(JSON.stringify(await again.rest())).not.toContain("the last");
  const isOver = async () =>
    (await exchangesOf(gateway)).some(
      ({ method, code }) => method === "tools/call" && code === "BLOCKED",
    );
  await eventually(isOver);
  expect((await comeBack(session, after)).response.status).toBe(404);
});
