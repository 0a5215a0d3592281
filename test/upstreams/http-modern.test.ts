import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import {
  type Answerer,
  type FakeServer,
  error,
  modern,
  result,
  sendJson,
  startEvents,
  startFake,
} from "./fake-server.ts";
import { eventually } from "./harness.ts";
import {
  type OpenedTransport,
  createCountingClock,
  createCountingEgress,
  form,
  openTransport,
  shownNotification,
  wishFor,
} from "./http-harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const clock = createCountingClock();
const egress = createCountingEgress();

async function start(
  answer: Answerer,
): Promise<{ readonly server: FakeServer; readonly transport: OpenedTransport }> {
  const server = await startFake(modern(answer));
  const transport = openTransport(server.url, { clock, egress });
  closers.push(transport.close, server.close);
  return { server, transport };
}

const stamp = (id: number | string, rest = "") =>
  `"_meta":{"io.modelcontextprotocol/subscriptionId":${id}${rest}}`;
const note = (method: string, params: string) =>
  `data: {"jsonrpc":"2.0","method":"notifications/${method}","params":{${params}}}\n\n`;
const acknowledged = (id: number | string, honoured = '"toolsListChanged":true') =>
  note("subscriptions/acknowledged", `${stamp(id)},"notifications":{${honoured}}`);

function begin(response: ServerResponse, id: number): void {
  startEvents(response);
  response.write(acknowledged(id));
}

test("listening is one request with the caller's capabilities, and gives what comes under its id", async () => {
  let stream: ServerResponse | undefined;
  let id = 0;
  const { server, transport } = await start((asked, response) => {
    ({ id } = asked);
    stream = response;
    begin(response, id);
  });
  const link = await transport.link(form);
  const gone = new AbortController();
  const changes = await link.listen(wishFor(["a:1"], "tools"), gone.signal);
  if ("kind" in changes) throw new Error(changes.code);
  const asked = server.asked.at(-1)!;
  expect(asked.headers).toMatchObject({ "mcp-method": "subscriptions/listen" });
  expect(JSON.parse(asked.params)).toMatchObject({
    notifications: { toolsListChanged: true, resourceSubscriptions: ["a:1"] },
    _meta: { "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } } },
  });
  stream!.write(note("tools/list_changed", stamp(id)));
  stream!.write(note("resources/updated", `"uri":"a:1",${stamp(id, ',"x":1.0')}`));
  stream!.write(note("tools/list_changed", stamp(id + 1)));
  stream!.write(note("tools/list_changed", `"none":1`));
  stream!.write(note("resources/updated", `"uri":"a:2",${stamp(`"${id}"`)}`));
  stream!.end(`data: ${result(id, `{"resultType":"complete",${stamp(id)}}`)}\n\n`);
  const heard: string[] = [];
  for await (const change of changes) heard.push(shownNotification(change));
  expect(heard).toEqual([
    "notifications/tools/list_changed {}",
    'notifications/resources/updated {"uri":"a:1","_meta":{"x":1.0}}',
  ]);
  expect(transport.changed).toEqual([`tools ${form}`]);
  expect(transport.noticed).toContain(
    "An upstream sent a change under another subscription; dropped",
  );
});

const lasting = (response: ServerResponse, text: string) => {
  startEvents(response);
  response.write(text);
};
const rows: readonly [string, (id: number, response: ServerResponse) => void, string][] = [
  ["404 and no method of that name", (id, r) => sendJson(r, error(id, -32601), 404), "INVALID"],
  ["no method of that name", (id, r) => sendJson(r, error(id, -32601)), "INVALID"],
  ["404", (_, r) => r.writeHead(404).end(), "INVALID"],
  ["405", (_, r) => r.writeHead(405).end(), "INVALID"],
  ["a result at once", (id, r) => sendJson(r, result(id, "{}")), "INVALID"],
  ["no message", (_, r) => lasting(r, ":\n\n") ?? r.end(), "INVALID"],
  ["another's acknowledgement", (id, r) => lasting(r, acknowledged(id + 1)), "INVALID"],
  ["none of what was wished", (id, r) => lasting(r, acknowledged(id, "")), "INVALID"],
  ["a change first", (id, r) => lasting(r, note("tools/list_changed", stamp(id))), "INVALID"],
  ["an error in the stream", (id, r) => lasting(r, `data: ${error(id, -32601)}\n\n`), "INVALID"],
  ["another error", (id, r) => sendJson(r, error(id, -32603)), "UNAVAILABLE"],
  ["503", (_, r) => r.writeHead(503).end(), "UNAVAILABLE"],
  ["401", (_, r) => r.writeHead(401).end(), "UNAVAILABLE"],
];

test.each(rows)(
  "listening that is answered with %s fails, and leaves nothing open",
  async (_, bad, code) => {
    const { server, transport } = await start(({ id }, response) => bad(id, response));
    const link = await transport.link();
    const heard = await link.listen(wishFor([], "tools"), new AbortController().signal);
    expect(heard).toMatchObject({ kind: "failure", code: `UPSTREAM_${code}` });
    await eventually(() => server.busy() === 0);
    expect([clock.pending(), egress.open()]).toEqual([0, 0]);
  },
);

test("a subscription that is not acknowledged within ten seconds has failed", async () => {
  const { server, transport } = await start((_, response) => lasting(response, ":\n\n"));
  const link = await transport.link();
  const heard = link.listen(wishFor([], "tools"), new AbortController().signal);
  await eventually(() => server.methods().includes("subscriptions/listen"));
  await clock.advance(10_000);
  expect(await heard).toMatchObject({ code: "UPSTREAM_TIMEOUT" });
  await eventually(() => server.busy() === 0);
});

test("a quiet subscription stays open until it is left, and the close ends it", async () => {
  for (const way of ["signal", "close", "before"] as const) {
    const { server, transport } = await start(({ id }, response) => begin(response, id));
    const link = await transport.link();
    const gone = new AbortController();
    const changes = await link.listen(wishFor([], "tools"), gone.signal);
    if ("kind" in changes) throw new Error(changes.code);
    if (way !== "before") {
      const one = changes[Symbol.asyncIterator]();
      const waiting = one.next();
      await clock.advance(3_600_000);
      expect(server.busy()).toBe(1);
      if (way === "signal") gone.abort();
      else await transport.close();
      expect((await waiting).done).toBe(true);
    } else {
      gone.abort();
    }
    await eventually(() => server.busy() === 0);
    expect([way, clock.pending(), egress.open()]).toEqual([way, 0, 0]);
  }
});

test("a caller that has gone is not listened for", async () => {
  const { server, transport } = await start(({ id }, response) => begin(response, id));
  const link = await transport.link();
  const gone = new AbortController();
  gone.abort();
  await expect(link.listen(wishFor([], "tools"), gone.signal)).rejects.toThrow();
  expect(server.methods()).not.toContain("subscriptions/listen");
  expect([clock.pending(), egress.open()]).toEqual([0, 0]);
});

test("no more than 512 streams of one upstream stand open", async () => {
  const { transport } = await start(({ id }, response) => begin(response, id));
  const link = await transport.link();
  const first = new AbortController();
  const listen = ({ signal } = new AbortController()) => link.listen(wishFor([], "tools"), signal);
  for (let i = 0; i < 512; i++) {
    expect(await listen(i === 0 ? first : undefined)).not.toHaveProperty("kind");
  }
  expect(await listen()).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  first.abort();
  expect(await listen()).not.toHaveProperty("kind");
});

test("lists of a modern upstream belong to the capabilities they were asked with", async () => {
  const { transport } = await start(({ id }, response) => sendJson(response, result(id, "{}")));
  const asker = { client: { name: "a", subject: undefined } } as const;
  const caller = { ...asker, caller: undefined as never, capabilities: form };
  expect(transport.scope(caller)).toBeUndefined();
  await transport.link();
  expect(transport.scope(caller)).toBe(form);
  expect(transport.scope({ ...caller, capabilities: "{}" })).toBe("{}");
});
