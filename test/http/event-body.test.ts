import { expect, test } from "vitest";
import { openFakeDoor, toReply } from "./fakes.ts";

const request = () => new Request("http://gateway.test/mcp", { method: "POST", body: "{}" });
const decoder = new TextDecoder();

/** Lets every promise that can settle do so. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function open(events: AsyncIterable<string>) {
  const door = openFakeDoor({ handle: () => toReply(events) });
  const response = await door.app.fetch(request());
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const read = async () => {
    const { done, value } = await reader.read();
    return done ? undefined : decoder.decode(value);
  };
  return { ...door, response, reader, read };
}

test("event body streams whole events under the headers that keep proxies from holding them", async () => {
  const { response, read, arrivals } = await open(
    (async function* () {
      yield "data: ä\n\n";
      yield "data: 2\n\n";
    })(),
  );
  expect(Object.fromEntries(response.headers)).toEqual({
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-accel-buffering": "no",
  });
  expect([await read(), await read(), await read()]).toEqual([
    "data: ä\n\n",
    "data: 2\n\n",
    undefined,
  ]);
  expect(arrivals[0]?.signal.aborted).toBe(false);
});

test("event body asks for an event only when the one before it was taken", async () => {
  let asked = 0;
  const { read } = await open(
    (async function* () {
      for (;;) yield `data: ${(asked += 1)}\n\n`;
    })(),
  );
  await settle();
  expect(asked).toBe(1);
  await read();
  await settle();
  expect(asked).toBe(2);
});

test("event body says a comment each 15 s while it has no event, and stops with the stream", async () => {
  let give: (event: string) => void = () => undefined;
  const { read, advance, timers } = await open(
    (async function* () {
      yield await new Promise<string>((resolve) => {
        give = resolve;
      });
    })(),
  );
  const first = read();
  await settle();
  advance(14_999);
  advance(1);
  expect(await first).toBe(":\n\n");
  const second = read();
  advance(15_000);
  expect(await second).toBe(":\n\n");
  give("data: 1\n\n");
  expect([await read(), await read()]).toEqual(["data: 1\n\n", undefined]);
  expect(timers()).toBe(0);
});

test("event body keeps at most one comment for a client that does not read", async () => {
  const { read, advance, reader } = await open(
    (async function* () {
      yield await new Promise<string>(() => undefined);
    })(),
  );
  await settle();
  for (let beat = 0; beat < 50; beat += 1) advance(15_000);
  expect(await read()).toBe(":\n\n");
  const next = read();
  await settle();
  let taken = false;
  void next.then(() => {
    taken = true;
  });
  await settle();
  expect(taken).toBe(false);
  void reader.cancel();
});

test("event body that is cancelled ends the iteration and aborts the arrival", async () => {
  let returned = false;
  const { reader, read, arrivals, timers } = await open(
    (async function* () {
      try {
        for (;;) yield "data: 1\n\n";
      } finally {
        returned = true;
      }
    })(),
  );
  await read();
  await reader.cancel();
  expect(returned).toBe(true);
  expect(arrivals[0]?.signal.aborted).toBe(true);
  expect(timers()).toBe(0);
});

test("event body has begun the iteration before anybody reads, so that its cleanup always runs", async () => {
  let returned = false;
  const { reader } = await open(
    (async function* () {
      try {
        yield "data: 1\n\n";
      } finally {
        returned = true;
      }
    })(),
  );
  await settle();
  await reader.cancel();
  expect(returned).toBe(true);
});

test("event body ends between two events when the iteration throws, and tells nobody why", async () => {
  const { read, logged } = await open(
    (async function* () {
      yield "data: 1\n\n";
      throw new Error("a secret");
    })(),
  );
  expect([await read(), await read()]).toEqual(["data: 1\n\n", undefined]);
  expect(logged).toHaveLength(1);
  expect(logged.join()).not.toContain("a secret");
});
