import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AnswerMessage, failure, toParts } from "../../src/core/index.ts";
import { textOf } from "../../src/mcp/index.ts";
import { type Envelope, parseEnvelope, toText } from "../../src/upstreams/remote/envelope.ts";
import { createLetters } from "../../src/upstreams/remote/letters.ts";
import { createReceiver } from "../../src/upstreams/remote/line.ts";
import { openBeat, openSilence } from "../../src/upstreams/remote/pulse.ts";
import type { RoundMessage } from "../../src/upstreams/remote/round.ts";
import {
  parseErrand,
  toErrandText,
  toLetter,
  toMessage,
} from "../../src/upstreams/remote/texts.ts";
import { createFakeClock, json, request, shown } from "./harness.ts";

const envelope: Envelope = {
  call: "c",
  run: "r",
  from: "a",
  to: "b",
  way: "up",
  at: 0,
  kind: "go",
  more: false,
  text: "{}\n",
};

describe("an envelope", () => {
  test("is read as it was written, whatever its text", () => {
    const whole = fc.record({ text: fc.string({ unit: "binary" }), more: fc.boolean() });
    fc.assert(
      fc.property(whole, (more) => {
        const written = { ...envelope, ...more };
        expect(parseEnvelope(toText(written))).toEqual(written);
      }),
    );
  });

  test.each(["", "{}", "[]\n", "{}\n", '[1,1,"","","","up",0,"go",false]\n'])(
    "is not %j",
    (text) => {
      expect(parseEnvelope(text)).toBeUndefined();
    },
  );

  test.each([
    ["way", '"side"'],
    ["at", '"0"'],
    ["kind", '"stop"'],
  ])("with another %s is none", (_, value) => {
    const written = toText(envelope);
    const old = { way: '"up"', at: ",0,", kind: '"go"' }[_] ?? "";
    const next = _ === "at" ? `,${value},` : value;
    expect(parseEnvelope(written.replace(old, next))).toBeUndefined();
  });
});

describe("the parts of a text", () => {
  test.each([0, 1, 2, 3])("are whole characters, with %i before those of two units", (count) => {
    const text = "x".repeat(count) + "😀".repeat(200_000);
    const parts = toParts(text);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.every((part) => part.isWellFormed())).toBe(true);
    expect(parts.join("") === text).toBe(true);
  });

  test("fill what one seal holds even where each unit takes three bytes", () => {
    const [part = ""] = toParts("€".repeat(300_000));
    const sealed = (new TextEncoder().encode(toText({ ...envelope, text: part })).length * 4) / 3;
    expect(sealed).toBeLessThan(524_288 - 1_000);
  });

  test("of nothing are one", () => {
    expect(toParts("")).toEqual([""]);
  });
});

describe("a receiver", () => {
  const at = (place: number, more: Partial<Envelope> = {}) => ({ ...envelope, at: place, ...more });

  test("takes what is in order, once, and puts the parts together", () => {
    const receive = createReceiver(100);
    expect(receive(at(0, { text: "a", more: true }))).toBe("part");
    expect(receive(at(0, { text: "a", more: true }))).toBe("repeated");
    expect(receive(at(1, { text: "b" }))).toEqual({ kind: "go", text: "ab" });
    expect(receive(at(3))).toBe("lost");
  });

  test("ends where another letter begins in the middle of one", () => {
    const receive = createReceiver(100);
    receive(at(0, { more: true }));
    expect(receive(at(1, { kind: "alive" }))).toBe("lost");
  });

  test("takes no letter that is larger than its room", () => {
    const receive = createReceiver(5);
    expect(receive(at(0, { text: "12345" }))).toEqual({ kind: "go", text: "12345" });
    expect(receive(at(1, { text: "123", more: true }))).toBe("part");
    expect(receive(at(2, { text: "456" }))).toBe("too large");
  });
});

describe("letters", () => {
  const letter = { kind: "message", text: "12345" } as const;
  const gone = failure("UPSTREAM_UNAVAILABLE", "gone");

  test("have room for what is not taken yet, and again when it is", async () => {
    const letters = createLetters(10);
    for (let n = 0; n < 5; n++) {
      expect([letters.put(letter), letters.put(letter), letters.put(letter)]).toEqual([
        true,
        true,
        false,
      ]);
      expect([await letters.next(), await letters.next()]).toEqual([letter, letter]);
    }
  });

  test("come before the end, and the end again and again", async () => {
    const letters = createLetters(10);
    const first = letters.next();
    letters.put(letter);
    letters.end(gone);
    letters.end(failure("INTERNAL", "later"));
    expect([await first, await letters.next(), await letters.next()]).toEqual([letter, gone, gone]);
  });
});

describe("an errand", () => {
  test("keeps the bytes of what it carries", () => {
    const values = fc.record({
      answer: fc.json(),
      token: fc.constantFrom(undefined, '"t"', "1", "12345678901234567890"),
      key: fc.string(),
      subject: fc.option(fc.string(), { nil: undefined }),
      logLevel: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(values, ({ answer, token, key, subject, logLevel }) => {
        const meta = token === undefined ? "" : `"_meta":{"progressToken":${token}},`;
        const inputs = `{${JSON.stringify(key)}:${answer}}`;
        const params = `{"name":"x",${meta}"inputResponses":${inputs},"arguments":{"stays here":1}}`;
        const capabilities = json('{"elicitation":{ "form":{}}}');
        const error = { kind: "error", code: -1, message: "m", data: json('{"n":1.0}') } as const;
        const asked = request("tools/call", params, { refused: new Map([[key, error]]) });
        const round = {
          ...asked,
          client: { name: "c", subject },
          caller: { ...asked.caller, capabilities, logLevel },
        };
        const text = toErrandText({ upstream: "u", waiting: "held-a-1", round });
        const read = parseErrand(text);
        expect(read?.upstream).toBe("u");
        expect(read?.waiting).toBe("held-a-1");
        expect(read?.round).toMatchObject({
          client: { name: "c", subject },
          caller: { era: "modern", revision: "2026-07-28", logLevel },
          method: "tools/call",
          asks: true,
        });
        const kept = read?.round.params;
        expect(kept && textOf(kept)).toBe(`{${meta}"inputResponses":${inputs}}`);
        const { capabilities: told } = read?.round.caller ?? {};
        expect(told && textOf(told)).toBe('{"elicitation":{ "form":{}}}');
        const refused = read?.round.refused?.get(key);
        expect([refused?.code, refused?.message]).toEqual([-1, "m"]);
        expect(refused?.data && textOf(refused.data)).toBe('{"n":1.0}');
        expect(text).not.toContain("stays here");
      }),
    );
  });

  test.each(["", "{", "{}", '{"upstream":"u","waiting":"w","client":"c","era":"old"}'])(
    "is not %j",
    (text) => {
      expect(parseErrand(text)).toBeUndefined();
    },
  );
});

describe("a message", () => {
  const messages: readonly RoundMessage[] = [
    { kind: "notification", method: "notifications/x", params: json('{"n":1.0}') },
    { kind: "notification", method: "notifications/y", params: undefined },
    { kind: "result", result: json('{"z":1,"a":12345678901234567890}') },
    { kind: "error", code: -32042, message: "é", messageText: '"\\u00e9"', data: undefined },
    { kind: "error", code: 7, message: "\ud800", data: json('{"d":1.0}') },
    failure("UPSTREAM_TIMEOUT", "late"),
  ];
  const plain = (message: AnswerMessage) => {
    const data = message.kind === "error" && message.data ? textOf(message.data) : undefined;
    const rest = message.kind === "error" ? { ...message, data: undefined } : undefined;
    return { shown: shown(message), data, rest };
  };

  test.each(messages.map((message) => [message.kind, message] as const))(
    "that is a %s is read as it was written",
    (_, message) => {
      const read = toMessage(toLetter(message));
      if (message.kind === "failure") expect(read).toEqual(message);
      else expect(plain(read)).toEqual(plain(message));
    },
  );

  test.each(["", "{}", '{"jsonrpc":"2.0","id":1,"method":"x"}'])("is not %j", (text) => {
    expect(toMessage({ kind: "message", text })).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });

  test("that fails with a code that this version does not know is UPSTREAM_UNAVAILABLE", () => {
    const text = '{"code":"toString","why":"w"}';
    expect(toMessage({ kind: "fault", text })).toMatchObject({ code: "UPSTREAM_UNAVAILABLE" });
  });
});

describe("a silence", () => {
  test("ends after its time, counted from what was heard last", async () => {
    const clock = createFakeClock();
    let count = 0;
    const silence = openSilence(clock, 900, () => count++);
    await clock.advance(880);
    silence.heard();
    await clock.advance(899);
    expect(count).toBe(0);
    await clock.advance(2);
    expect(count).toBe(1);
    await clock.advance(5_000);
    expect(count).toBe(1);
  });

  test("that is closed never ends", async () => {
    const clock = createFakeClock();
    let count = 0;
    openSilence(clock, 900, () => count++).close();
    await clock.advance(5_000);
    expect(count).toBe(0);
  });
});

test("a beat comes again and again until it is ended, also by itself", async () => {
  const clock = createFakeClock();
  let count = 0;
  const end = openBeat(clock, 250, () => {
    if (++count === 3) end();
  });
  await clock.advance(5_000);
  expect(count).toBe(3);
});
