import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type AnswerMessage, createKeyring } from "../../src/core/index.ts";
import type { Upstream, UpstreamRequest } from "../../src/upstreams/index.ts";
import { type Envelope, parseEnvelope, toText } from "../../src/upstreams/remote/envelope.ts";
import { modern, result, sendJson, startFake } from "./fake-server.ts";
import { ask, collect, createFakeClock, eventually, json, runtime, shown } from "./harness.ts";
import {
  type AskingServer,
  type Process,
  type ProcessSettings,
  type Sent,
  type TestBus,
  createTestBus,
  from,
  keyring,
  openHeld,
  openProcess,
  resultText,
  retry,
  startAsking,
  stateOf,
} from "./remote-harness.ts";

const exact = '{"z":1.10,"a":12345678901234567890,"e":1E+2,"s":"\\u00e9\\ud83d\\ude00é😀"}';
const large = "é😀".repeat(500_000);

let server: AskingServer;
let bus: TestBus;
const opened: Process[] = [];

beforeAll(async () => {
  server = await startAsking({
    end: (call, answer) => call.end(`{"got":${answer}}`),
    twice: (call, answer) => {
      if (answer.includes("second")) call.end(`{"got":${answer}}`);
      else call.ask('{"message":"Second?","requestedSchema":{"type":"object","properties":{}}}');
    },
    steps: (call) => {
      const { token } = call;
      for (const n of ["1", "2.0"]) {
        call.notify("progress", `{"progress":${n},"progressToken":${token},"x":1.0}`);
      }
      call.notify("message", '{"level":"info","data":1.0}');
      call.end("{}");
    },
    exact: (call) => call.end(exact),
    large: (call) => call.end(`{"large":"${large}"}`),
    chatter: (call) => {
      for (let n = 0; n < 300; n++) call.notify("message", `{"level":"info","data":"${n}"}`);
      call.end("{}");
    },
    gush: (call) => {
      const data = "x".repeat(10_000);
      for (let n = 0; n < 40; n++) call.notify("message", `{"level":"info","data":"${data}"}`);
      call.end("{}");
    },
    never: (call) => call.notify("message", '{"level":"info","data":"started"}'),
  });
});
afterAll(() => server.close());
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
});

function open(instance: string, more: Partial<ProcessSettings> = {}): Process {
  const process = openProcess({ url: server.url, instance, bus, ...more });
  opened.push(process);
  return process;
}

/** The process that holds the call, and one that gets the answer. */
function openTwo(more: Partial<ProcessSettings> = {}): readonly [Process, Process] {
  bus = createTestBus();
  return [open("a"), open("b", more)];
}

const { caller } = from();
const logging = { caller: { ...caller, logLevel: "info" } };
const toB = ({ channel }: { readonly channel: string }): boolean => channel === "instance:b";

const codeOf = (message: AnswerMessage): string =>
  message.kind === "failure" ? message.code : message.kind;

/** Begins to read an answer; `next` is its next message. */
function begin(upstream: Upstream, asked: UpstreamRequest, signal?: AbortSignal) {
  const messages = upstream.send(asked, signal ?? new AbortController().signal);
  const steps = messages[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { value, done } = await steps.next();
      return done === true ? undefined : value;
    },
    leave: async () => steps.return?.(),
  };
}

test("an answer that comes to another process goes up to the call, and its end comes back", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  const end = resultText(await ask(b.it, retry(state)));
  expect(end).toContain('"result":{"action":"accept","content":{"n":1.0}}');
  expect(end).toContain('"resultType":"complete"');
});

test("a call that asks again can be answered here or there, round by round", async () => {
  const [a, b] = openTwo();
  for (const second of [a, b, open("c")]) {
    const state = await openHeld(a.it, "twice");
    const again = await ask(b.it, retry(state));
    expect(resultText(again)).toContain('"message":"Second?"');
    expect(stateOf(again)).not.toBe(state);
    const answer = '{"action":"accept","content":{"n":"second"}}';
    expect(resultText(await ask(second.it, retry(stateOf(again), { answer })))).toContain("second");
  }
});

test("a question that was left out is asked again", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  const none = await ask(b.it, { ...retry(state), params: json(`{"requestState":"${state}"}`) });
  expect(resultText(none)).toContain('"message":"First?"');
  expect(resultText(await ask(b.it, retry(stateOf(none))))).toContain('"got"');
});

test.each(['"my token"', "42", "0"])(
  "progress comes under the caller's token %s",
  async (token) => {
    const [a, b] = openTwo();
    const { client, caller } = from();
    const quiet = await ask(a.it, {
      ...retry(""),
      client,
      caller,
      params: json('{"name":"steps","_meta":{"progressToken":1}}'),
    });
    const messages = await collect(b.it, retry(stateOf(quiet), { token, ...logging }));
    expect(messages.map(shown)).toEqual([
      `notifications/progress {"progress":1,"progressToken":${token},"x":1.0}`,
      `notifications/progress {"progress":2.0,"progressToken":${token},"x":1.0}`,
      'notifications/message {"level":"info","data":1.0}',
      '{"resultType":"complete"}',
    ]);
  },
);

test("a log that the caller did not ask for does not come", async () => {
  const [a, b] = openTwo();
  const messages = await collect(b.it, retry(await openHeld(a.it, "chatter")));
  expect(messages.map(shown)).toEqual(['{"resultType":"complete"}']);
});

test("what a client refused goes up as its error, byte by byte", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  const error = { kind: "error", code: -32042, message: "no", data: json(exact) } as const;
  const refused = new Map([["input-1", error]]);
  const params = json(`{"requestState":"${state}"}`);
  const end = await ask(b.it, { ...retry(state), params, refused });
  expect(resultText(end)).toContain(`"error":{"code":-32042,"message":"no","data":${exact}}`);
});

test("numbers, key order and spelling of answer and result stay as they are", async () => {
  const [a, b] = openTwo();
  const answer = `{"action":"accept","content":${exact}}`;
  expect(resultText(await ask(b.it, retry(await openHeld(a.it, "end"), { answer })))).toContain(
    `"result":${answer}`,
  );
  expect(resultText(await ask(b.it, retry(await openHeld(a.it, "exact"))))).toBe(
    exact.replace(/\}$/, ',"resultType":"complete"}'),
  );
});

test("an answer of several megabytes comes whole, in texts that the bus takes", async () => {
  const [a, b] = openTwo();
  const more = { maxBytes: 10_000_000, answer: `{"action":"accept","content":{"x":"${large}"}}` };
  const state = await openHeld(a.it, "large");
  expect(resultText(await ask(b.it, retry(state, more)))).toContain(`{"large":"${large}"`);
  expect(server.answers.at(-1)).toContain(more.answer);
  expect(bus.sent.length).toBeGreaterThan(20);
});

test("an answer that is larger than the caller takes ends, and its call is given up", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "large");
  expect(codeOf(await ask(b.it, retry(state, { maxBytes: 10_000 })))).toBe("RESPONSE_TOO_LARGE");
});

test("a call is taken up by its own client and subject, and through its own upstream", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  const others = [from("eve"), { ...from(), client: { name: "app", subject: "ann" } }];
  for (const other of others) {
    expect(codeOf(await ask(b.it, retry(state, other)))).toBe("UPSTREAM_UNAVAILABLE");
  }
  expect(codeOf(await ask(b.other, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
  expect(codeOf(await ask(a.other, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
  expect(resultText(await ask(b.it, retry(state)))).toContain('"got"');
});

test("two processes with one state: one goes on with the call", async () => {
  const [a, b] = openTwo();
  const c = open("c");
  const state = await openHeld(a.it, "end");
  const from = server.answers.length;
  const ends = await Promise.all([b, c, b].map(({ it }) => ask(it, retry(state))));
  expect(ends.map(codeOf).sort()).toEqual([
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_UNAVAILABLE",
    "result",
  ]);
  expect(server.answers.slice(from)).toHaveLength(1);
});

test("a call is over at once where it is named to wait here, or where there is no bus", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  await ask(a.it, retry(state));
  const alone = open("d", { bus: undefined });
  await ask(alone.it, retry(await openHeld(alone.it, "end")));
  const { length } = bus.sent;
  expect(codeOf(await ask(a.it, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
  expect(codeOf(await ask(alone.it, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
  expect(bus.sent).toHaveLength(length);
  expect(codeOf(await ask(b.it, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
});

test("a process that is gone is known to be so after 700 ms", async () => {
  const clock = createFakeClock();
  const [, b] = openTwo({ clock });
  let end: AnswerMessage | undefined;
  void ask(b.it, retry("held-gone-1")).then((message) => (end = message));
  await clock.advance(699);
  expect(end).toBeUndefined();
  await clock.advance(1);
  await eventually(() => end !== undefined);
  expect(end).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("a process that dies in the middle is known to be gone within a second", async () => {
  const clock = createFakeClock();
  const [a, b] = openTwo({ clock });
  const answer = begin(b.it, retry(await openHeld(a.it, "never"), logging));
  expect(await answer.next()).toMatchObject({ kind: "notification" });
  let end: AnswerMessage | undefined;
  const ended = answer.next().then((message) => (end = message));
  // It tells that it lives each quarter of a second.
  const { length } = bus.sent;
  for (let n = 0; n < 6; n++) {
    await eventually(() => bus.sent.slice(length).filter(toB).length > n);
    await clock.advance(250);
  }
  expect(end).toBeUndefined();
  bus.through = (sent) => (toB(sent) ? [] : [sent]);
  await clock.advance(1_000);
  await ended;
  expect(end).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("a caller that leaves cancels the call where it is", async () => {
  const [a, b] = openTwo();
  for (const how of ["signal", "break"]) {
    const before = server.cancelled();
    const gone = new AbortController();
    const state = await openHeld(a.it, "never");
    const answer = begin(b.it, retry(state, logging), gone.signal);
    expect(await answer.next()).toMatchObject({ kind: "notification" });
    const from = performance.now();
    if (how === "signal") gone.abort();
    else await answer.leave();
    await eventually(() => server.cancelled() > before);
    // Not because nothing more was heard of it.
    expect(performance.now() - from).toBeLessThan(1_000);
    if (how === "signal") expect(await answer.next()).toMatchObject({ kind: "failure" });
  }
});

test("a process whose caller is gone with it is known to be so, and the call is cancelled", async () => {
  bus = createTestBus();
  const clock = createFakeClock();
  const a = open("a", { clock });
  const b = open("b");
  const before = server.cancelled();
  const opening = openHeld(a.it, "never");
  const ticking = setInterval(() => void clock.advance(10), 5);
  const state = await opening;
  clearInterval(ticking);
  const answer = begin(b.it, retry(state, logging));
  expect(await answer.next()).toMatchObject({ kind: "notification" });
  bus.through = () => [];
  await clock.advance(1_400);
  expect(server.cancelled()).toBe(before);
  await clock.advance(200);
  await eventually(() => server.cancelled() > before);
  await answer.leave();
});

test("a bus that is lost ends the call at once", async () => {
  const clock = createFakeClock();
  const [a, b] = openTwo({ clock });
  const state = await openHeld(a.it, "end");
  bus.through = () => "lost";
  expect(codeOf(await ask(b.it, retry(state)))).toBe("UPSTREAM_UNAVAILABLE");
  bus.through = (sent) => (toB(sent) ? "lost" : [sent]);
  let end = "";
  void ask(b.it, retry(state)).then((message) => (end = codeOf(message)));
  await eventually(() => bus.sent.some(toB));
  await clock.advance(700);
  await eventually(() => end === "UPSTREAM_UNAVAILABLE");
});

test("a call of which nobody can be told any more is cancelled at once", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "never");
  const before = server.cancelled();
  let count = 0;
  bus.through = (sent) => (toB(sent) && ++count > 1 ? "lost" : [sent]);
  const answer = begin(b.it, retry(state, logging));
  const from = performance.now();
  const first = answer.next();
  await eventually(() => server.cancelled() > before);
  expect(performance.now() - from).toBeLessThan(800);
  expect(await first).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("what comes faster than its caller takes it ends the call over the caller's bound", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "gush");
  const answer = begin(b.it, retry(state, { ...logging, maxBytes: 1_000 }));
  expect(await answer.next()).toMatchObject({ kind: "notification" });
  // It was opened, went on, and is given up while nobody takes anything.
  await eventually(() => bus.sent.filter((sent) => !toB(sent)).length === 3);
  const ends: string[] = [];
  for (let next = await answer.next(); next; next = await answer.next()) ends.push(codeOf(next));
  expect(ends.length).toBeLessThan(20);
  expect(ends.at(-1)).toBe("RESPONSE_TOO_LARGE");
});

test("at most 256 calls go on in other processes", async () => {
  const clock = createFakeClock();
  const [, b] = openTwo({ clock });
  const all = Array.from({ length: 256 }, () => ask(b.it, retry("held-gone-1")));
  await new Promise((resolve) => setImmediate(resolve));
  const { length } = bus.sent;
  const more = await ask(b.it, retry("held-gone-1"));
  expect(more).toMatchObject({ why: "Too many calls go on in other instances" });
  expect(bus.sent.length - length).toBeLessThanOrEqual(256);
  await clock.advance(700);
  expect(new Set((await Promise.all(all)).map(codeOf))).toEqual(new Set(["UPSTREAM_UNAVAILABLE"]));
});

test("a process that closes ends what goes on for others", async () => {
  const [a, b] = openTwo();
  const answer = begin(b.it, retry(await openHeld(a.it, "never"), logging));
  expect(await answer.next()).toMatchObject({ kind: "notification" });
  const end = answer.next();
  await a.close();
  expect(await end).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
});

test("a process that closes ends what it asked of others", async () => {
  const [a, b] = openTwo();
  const before = server.cancelled();
  const answer = begin(b.it, retry(await openHeld(a.it, "never"), logging));
  expect(await answer.next()).toMatchObject({ kind: "notification" });
  const end = answer.next();
  await b.close();
  expect(await end).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  await eventually(() => server.cancelled() > before);
});

test("what another use, another key or nobody sealed changes nothing", async () => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "end");
  const { seals } = createKeyring([new Uint8Array(32).fill(9)], runtime.crypto.randomBytes);
  const relay = keyring.seals("relay");
  bus.through = () => [];
  const left = begin(b.it, retry(state));
  const ending = left.next();
  await eventually(() => bus.sent.length > 0);
  const { channel, text } = bus.sent[0]!;
  const plain = (await relay.open(text)) ?? "";
  expect(plain).toContain('"open"');
  const middle = Math.floor(text.length / 2);
  let count = 0;
  /** As of another call, so that what is taken for a true one shows. */
  const other = (from = "", to = ""): string =>
    plain
      .replace(/[0-9a-f]{32}/, (call) => call.slice(0, 30) + String(10 + count++))
      .replace(from, to);
  const forged = [
    other(),
    await seals("relay").seal(other()),
    await keyring.seals("state").seal(other()),
    text.slice(0, middle) + (text[middle] === "A" ? "B" : "A") + text.slice(middle + 1),
    await relay.seal(other('"up"', '"down"')),
    await relay.seal(other('"a"', '"c"')),
    await relay.seal(other("[1,", "[2,")),
    await relay.seal(other(",0,", ",1,")),
    await relay.seal(other('"open"', '"go"')),
    await relay.seal("{}"),
    await relay.seal("\n"),
  ];
  const { length } = bus.sent;
  for (const each of forged) bus.deliver(channel, each);
  // A true one behind them is read after them.
  bus.deliver(channel, text);
  await eventually(() => bus.sent.length > length);
  expect(bus.sent.slice(length).filter(toB)).toHaveLength(1);
  expect(await ending).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  bus.through = (sent) => [sent];
  expect(resultText(await ask(b.it, retry(state)))).toContain('"got"');
});

test("an instance that is not of the call cannot step into it, whatever it has read", async () => {
  const [a, b] = openTwo();
  const relay = keyring.seals("relay");
  const state = await openHeld(a.it, "end");
  const from = server.answers.length;
  let ready: Envelope | undefined;
  bus.through = (sent) => {
    if (!toB(sent) || ready !== undefined) return [sent];
    const reading = relay.open(sent.text).then(async (plain = "") => {
      ready = parseEnvelope(plain);
      if (ready === undefined) throw new Error("It cannot be read");
      const { call, run } = ready;
      const up = { ...ready, at: 1, from: "c", to: "a", way: "up" } as const;
      const down = { ...ready, at: 0, kind: "fault", text: '{"code":"INTERNAL"}' } as const;
      const forged: readonly Envelope[] = [
        { ...up, kind: "cancel" },
        { ...up, from: "b", kind: "cancel", run: call },
        { ...down, from: "c" },
        { ...down, at: 1, from: "c" },
      ];
      for (const each of forged) bus.deliver(`instance:${each.to}`, await relay.seal(toText(each)));
      bus.deliver(sent.channel, sent.text);
      // From here on it is known who speaks.
      const late = { ...down, at: 1, run: run.replace(/./g, "0") };
      bus.deliver("instance:b", await relay.seal(toText(late)));
    });
    void reading;
    return [];
  };
  expect(resultText(await ask(b.it, retry(state)))).toContain('"got"');
  expect(server.answers.slice(from)).toHaveLength(1);
});

test("texts that come twice, or to the other process as well, count once", async () => {
  const [a, b] = openTwo();
  const others = (text: string) =>
    ["a", "b"].map((name) => ({ channel: `instance:${name}`, text }));
  bus.through = (sent) => [sent, ...others(sent.text), sent];
  const from = server.answers.length;
  const messages = await collect(b.it, retry(await openHeld(a.it, "chatter"), logging));
  expect(messages).toHaveLength(301);
  expect(server.answers.slice(from)).toHaveLength(1);
});

test("texts of an earlier round neither answer nor end a later one", async () => {
  const [a, b] = openTwo();
  const from = server.answers.length;
  const state = stateOf(await ask(b.it, retry(await openHeld(a.it, "twice"))));
  const { length } = bus.sent;
  for (const { channel, text } of bus.sent.slice()) bus.deliver(channel, text);
  // What opened the first round is answered, under a new name, and nothing follows.
  await eventually(() => bus.sent.length > length);
  const answer = '{"action":"accept","content":{"n":"second"}}';
  expect(resultText(await ask(b.it, retry(state, { answer })))).toContain("second");
  expect(server.answers.slice(from)).toHaveLength(2);
});

test("texts that were kept back and come when nobody waits do not take up the call", async () => {
  const clock = createFakeClock();
  const [a, b] = openTwo({ clock });
  const state = await openHeld(a.it, "end");
  let count = 0;
  bus.through = (sent) => (toB(sent) || ++count !== 2 ? [sent] : []);
  const ending = ask(b.it, retry(state));
  await eventually(() => count === 2);
  const [open, go] = bus.sent.filter((sent) => !toB(sent));
  bus.through = () => [];
  await clock.advance(1_000);
  expect(await ending).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  const { length } = bus.sent;
  const from = server.answers.length;
  // The first run of the call is over when it has heard nothing for long enough.
  await eventually(() => {
    bus.deliver("instance:a", open!.text);
    return bus.sent.slice(length).filter(toB).length > 10;
  });
  bus.deliver("instance:a", go!.text);
  bus.through = (sent) => [sent];
  expect(resultText(await ask(b.it, retry(state)))).toContain('"got"');
  expect(server.answers.slice(from)).toHaveLength(1);
});

test.each([
  ["late", (held: Sent, sent: Sent) => [sent, held]],
  ["never", (_: Sent, sent: Sent) => [sent]],
])("a text of the answer that comes %s ends the call", async (_, resume) => {
  const [a, b] = openTwo();
  const state = await openHeld(a.it, "chatter");
  let count = 0;
  let held: Sent | undefined;
  bus.through = (sent) => {
    if (!toB(sent)) return [sent];
    if (++count === 5) held = sent;
    return count === 5 ? [] : count === 6 && held ? resume(held, sent) : [sent];
  };
  const messages = await collect(b.it, retry(state, logging));
  expect(messages.length).toBeLessThan(6);
  expect(codeOf(messages.at(-1)!)).toBe("UPSTREAM_UNAVAILABLE");
});

test("a text of the request that is lost ends the call before it is taken up", async () => {
  const clock = createFakeClock();
  const [a, b] = openTwo({ clock });
  const state = await openHeld(a.it, "end");
  let count = 0;
  bus.through = (sent) => (toB(sent) || ++count !== 2 ? [sent] : []);
  const ending = ask(b.it, retry(state));
  await eventually(() => count === 2);
  await clock.advance(500);
  expect(await ending).toMatchObject({ why: expect.stringContaining("was lost") as string });
  expect(resultText(await ask(b.it, retry(state)))).toContain('"got"');
});

test("a state of a modern upstream goes up from a process that does not know its era yet", async () => {
  bus = createTestBus();
  const answers = modern(({ id, params }, response) => {
    sendJson(response, result(id, params.includes('"requestState":"mine"') ? "{}" : '{"no":1}'));
  });
  const modernServer = await startFake(answers);
  const b = open("b", { url: modernServer.url });
  expect(resultText(await ask(b.it, retry("mine")))).toBe('{"resultType":"complete"}');
  await modernServer.close();
});

test("a state that names no held call does not send a call to a legacy upstream again", async () => {
  bus = createTestBus();
  const b = open("b");
  const count = () => server.methods().filter((method) => method === "tools/call").length;
  const before = count();
  expect(codeOf(await ask(b.it, retry("mine")))).toBe("UPSTREAM_UNAVAILABLE");
  expect(codeOf(await ask(b.it, retry("mine")))).toBe("UPSTREAM_UNAVAILABLE");
  expect(count()).toBe(before);
});

test("a process goes on with at most 256 calls for others, and asks for no more room than it has", async () => {
  bus = createTestBus();
  open("a", { clock: createFakeClock() });
  const relay = keyring.seals("relay");
  const kinds: string[] = [];
  await bus.subscribe("instance:x", (text) => {
    void relay.open(text).then((plain = "") => kinds.push(parseEnvelope(plain)?.kind ?? ""));
  });
  const say = async (call: number, text: string): Promise<void> => {
    const head = { call: `x${call}`, run: "", from: "x", to: "a", way: "up", at: 0 } as const;
    const open: Envelope = { ...head, kind: "open", more: false, text };
    bus.deliver("instance:a", await relay.seal(toText(open)));
  };
  await say(0, String(65 * 1024 * 1024));
  await say(1, "none");
  await eventually(() => kinds.length === 2);
  expect(kinds).toEqual(["fault", "fault"]);
  for (let call = 2; call < 259; call++) await say(call, "10");
  const of = (kind: string) => kinds.filter((each) => each === kind).length;
  await eventually(() => of("ready") + of("fault") === 259);
  expect([of("ready"), of("fault")]).toEqual([256, 3]);
});
