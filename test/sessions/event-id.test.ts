import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createStreamId, formatEventId, parseEventId } from "../../src/sessions/event-id.ts";
import { crypto } from "../stores/ports.ts";

test("An event id gives back its stream and number", () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 999_999_999 }), (random, number) => {
      const stream = createStreamId({ ...crypto, randomBytes: () => random });
      expect(stream).toBe(Buffer.from(random).toString("base64url"));
      const text = formatEventId({ stream, number });
      expect(text).toMatch(/^[\w-]{22}-\d+$/);
      expect(parseEventId(text)).toEqual({ stream, number });
    }),
  );
});

test("An event id is read in one spelling only, and never throws", () => {
  const stream = createStreamId(crypto);
  const wrong = ["", "x", stream, `${stream}-`, `${stream}-0`, `${stream}-01`, `${stream}-+1`];
  const others = [`${stream}-1 `, ` ${stream}-1`, `${stream}-1\n`, `${stream}-1e3`, `${stream}--1`];
  for (const text of [...wrong, ...others, `${stream}-${"9".repeat(16)}`, `A${stream}-1`]) {
    expect(parseEventId(text)).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = parseEventId(text);
      if (parsed !== undefined) expect(formatEventId(parsed)).toBe(text);
    }),
  );
});
