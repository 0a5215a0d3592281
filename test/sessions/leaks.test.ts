import { expect, test } from "vitest";
import { createCanceller } from "../../src/core/index.ts";
import { openSessionRoom } from "../../src/sessions/sessions.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { crypto, ownSeals } from "../stores/ports.ts";
import { settle, timerClock } from "./hand-timers.ts";

const facts = { revision: "2025-11-25", capabilities: "{}", clientInfo: "{}" };
const hour = 60 * 60_000;
const { signal } = createCanceller();

test("200 sessions with streams, questions and watchers leave nothing behind", async () => {
  const clock = timerClock();
  const ports = { clock, crypto, store: openMemoryStore({ clock }), seals: ownSeals() };
  const { sessions, entries } = openSessionRoom(ports);
  const over = { answers: 0, readers: 0, own: 0, watchers: 0 };

  const openOne = async (index: number) => {
    const client = { name: `client-${index % 4}`, subject: `s${index % 50}` };
    const token = await sessions.open(client, facts);
    const { id } = (await sessions.find(token, client))!;
    sessions.watch(id, (state) => (over.watchers += state === undefined ? 1 : 0));
    void sessions.questions.open(id)!.answer.then(() => over.answers++);
    const log = sessions.streams.open(id);
    const at = /^id: (.*)$/m.exec(log.prime())![1]!;
    log.append("1");
    const read = async (): Promise<void> => {
      for await (const event of sessions.streams.resume(id, at, signal) ?? []) void event;
      over.readers++;
    };
    void read();
    const closed = sessions.streams.open(id);
    closed.append("2");
    closed.close();
    sessions.streams.takeOver(id, () => over.own++);
    await sessions.change(client, id, (state) => ({ ...state, logLevel: "info" }));
    return { client, token };
  };
  const opened = await Promise.all(Array.from({ length: 200 }, (_, index) => openOne(index)));
  expect(sessions.count()).toBe(200);
  expect(entries()).toBeGreaterThan(1000);
  expect(clock.pending()).toBeGreaterThan(0);

  await Promise.all(opened.slice(0, 100).map(({ token, client }) => sessions.end(token, client)));
  await settle();
  expect(sessions.count()).toBe(100);
  expect(over).toEqual({ answers: 100, readers: 100, own: 100, watchers: 100 });

  clock.advance(24 * hour);
  await settle();
  expect(sessions.count()).toBe(0);
  expect(over).toEqual({ answers: 200, readers: 200, own: 200, watchers: 200 });
  // The marks of those that ended outlive them.
  clock.advance(hour);
  expect([entries(), clock.pending()]).toEqual([0, 0]);

  for (const { token, client } of opened) {
    expect(await sessions.find(token, client)).toBeUndefined();
  }
  expect(entries()).toBe(0);
});
