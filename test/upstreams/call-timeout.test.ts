import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "vitest";
import type { Egress } from "../../src/core/index.ts";
import { legacy, modern, result, sendJson, startEvents, startFake } from "./fake-server.ts";
import { ask, callTool, createFakeClock, eventually, open, runtime, shown } from "./harness.ts";
import { next, openTransport, shownLink, stepsOf } from "./http-harness.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
const fine = '{"content":[],"resultType":"complete"}';
const eras = [
  ["modern", modern],
  ["legacy", legacy],
] as const;

/** A call that is silent until `end`, at an upstream of which a message may take a minute. */
async function callSilently(by: (typeof eras)[number][1], timeoutMs: number | undefined) {
  const clock = createFakeClock();
  let end = (): void => undefined;
  const server = await startFake(
    by(({ id }, response: ServerResponse) => {
      startEvents(response);
      response.write(":\n\n");
      end = () => void response.end(`data: ${result(id, fine)}\n\n`);
    }),
  );
  const upstreams = open({ it: { url: server.url, timeoutMs: 60_000 } }, { clock });
  closers.push(upstreams.close, server.close);
  const done = ask(upstreams.the("it"), callTool("t", "{}", { timeoutMs }));
  await eventually(() => server.methods().includes("tools/call"));
  return { clock, done, end: () => end() };
}

test.each(eras)(
  "a call of its own timeoutMs ends sooner than others of a %s upstream",
  async (_, by) => {
    const { clock, done } = await callSilently(by, 5_000);
    await clock.advance(4_900);
    await clock.advance(200);
    expect(shown(await done)).toBe("UPSTREAM_TIMEOUT");
  },
);

test.each(eras)(
  "a call of its own timeoutMs goes on longer than others of a %s upstream",
  async (_, by) => {
    const { clock, done, end } = await callSilently(by, 90_000);
    await clock.advance(61_000);
    end();
    expect(shown(await done)).toBe(fine);
  },
);

test.each(eras)("a call without one ends as all of a %s upstream do", async (_, by) => {
  const { clock, done } = await callSilently(by, undefined);
  await clock.advance(61_000);
  expect(shown(await done)).toBe("UPSTREAM_TIMEOUT");
});

test.each(eras)(
  "the headers of a %s upstream's answer may take as long as the call's own timeoutMs",
  async (_, by) => {
    const limits: number[] = [];
    const egress: Egress = {
      ...runtime.egress,
      request: (asked) => {
        if (asked.body?.includes('"tools/call"') === true) limits.push(asked.headersTimeoutMs);
        return runtime.egress.request(asked);
      },
    };
    const server = await startFake(by(({ id }, response) => sendJson(response, result(id, fine))));
    const transport = openTransport(server.url, { egress });
    closers.push(transport.close, server.close);
    const link = await transport.link("{}");
    for (const more of [{}, { timeoutMs: 90_000 }]) {
      const answer = await link.exchange(
        transport.call("tools/call", "{}", more),
        new AbortController().signal,
      );
      expect(shownLink(await next(stepsOf(answer)))).toContain('"content":[]');
    }
    expect(limits).toEqual([60_000, 90_000]);
  },
);
