import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ServerEvent,
  StreamFault,
  decodeText,
  formatEvent,
  readEvents,
  readLines,
  readText,
} from "../../src/mcp/index.ts";
import { chunksOf } from "./json-of.ts";

const limits = { maxEventBytes: 10_000, maxBytes: 100_000 };
const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
const toArray = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const each of stream) all.push(each);
  return all;
};
const eventsOf = (text: string, ...chunks: number[]): Promise<ServerEvent[]> =>
  toArray(readEvents(chunksOf(text, ...chunks), limits));
const event = (data: string, id?: string, name?: string): ServerEvent => ({
  event: name,
  data,
  id,
});

describe("readEvents", () => {
  test("reads data, event and id, and leaves the rest out", async () => {
    const text =
      ":comment\nretry: 10\nfoo: bar\nevent: message\nid: 7\ndata: a\ndata:b\n\ndata\n\nid: 8\n\n";
    expect(await eventsOf(text)).toEqual([event("a\nb", "7", "message"), event("")]);
  });

  test("tells of a retry by itself, and gives an event of an id and empty data", async () => {
    const waits: number[] = [];
    const text =
      "retry: 250\n\nid: 1\ndata:\n\nretry: soon\nretry: -1\nid: 2\nretry: 9\ndata: a\n\n";
    for (const chunk of [text.length, 1]) {
      const body = chunksOf(text, chunk);
      const events = await toArray(readEvents(body, limits, (ms) => waits.push(ms)));
      expect(events).toEqual([event("", "1"), event("a", "2")]);
    }
    expect(waits).toEqual([250, 9, 250, 9]);
  });

  test("ends lines with LF, CR or both, wherever the bytes are cut", async () => {
    const line = fc.constantFrom("data: é😀", "data: x", "id: 1", ": c", "");
    const end = fc.constantFrom("\n", "\r", "\r\n");
    const lines = fc.array(fc.tuple(line, end), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lines, sizes, async (list, chunks) => {
        // An LF after a CR would be part of that line's end.
        fc.pre(
          !list.some(
            ([text, ending], i) => text === "" && ending === "\n" && list[i - 1]?.[1] === "\r",
          ),
        );
        const text = list.map(([each, ending]) => each + ending).join("");
        const plain = list.map(([each]) => `${each}\n`).join("");
        expect(await eventsOf(text, ...chunks)).toEqual(await eventsOf(plain));
      }),
      { numRuns: 300 },
    );
  });

  test("drops a byte-order mark at the start alone", async () => {
    expect(await eventsOf("\uFEFFdata: a\n\n", 1)).toEqual([event("a")]);
    expect(await eventsOf("data: \uFEFFa\n\n", 2)).toEqual([event("\uFEFFa")]);
  });

  test("drops an event that the stream's end cuts off", async () => {
    expect(await eventsOf("data: a\n\ndata: b\n")).toEqual([event("a")]);
  });

  test.each([
    ["one endless line", "data: " + "x".repeat(20_000)],
    ["endless data lines", "data: xxxx\n".repeat(3000)],
    ["one large event in one piece", `data: ${"x".repeat(20_000)}\n\n`],
    ["an endless comment", ":" + "x".repeat(20_000)],
  ])("refuses %s", async (_, text) => {
    for (const chunk of [text.length, 100]) {
      await expect(eventsOf(text, chunk)).rejects.toMatchObject({ reason: "too-large" });
    }
  });

  test("refuses a stream larger than its limit though each event is small", async () => {
    await expect(eventsOf(":\n".repeat(60_000), 1000)).rejects.toMatchObject({
      reason: "too-large",
    });
  });

  test("refuses bytes that are no UTF-8", async () => {
    const bytes = Uint8Array.from([...Buffer.from("data: "), 0xff, 10, 10]);
    await expect(toArray(readEvents(chunksOf(bytes), limits))).rejects.toMatchObject({
      reason: "not-utf8",
    });
  });

  test("reads a megabyte of carriage returns in linear time", async () => {
    const before = process.cpuUsage();
    const large = { maxEventBytes: 10_000_000, maxBytes: 10_000_000 };
    await toArray(readEvents(chunksOf("\r".repeat(1_000_000)), large));
    const { user } = process.cpuUsage(before);
    expect(user / 1000).toBeLessThan(1000);
  });

  test("gives each event as soon as it is whole", async () => {
    let sent = 0;
    async function* body(): AsyncIterable<Uint8Array> {
      for (const text of ["data: a\n\n", "data: b\n\n"]) {
        sent++;
        yield new TextEncoder().encode(text);
      }
    }
    for await (const { data } of readEvents(body(), limits)) {
      expect(data).toBe("a");
      break;
    }
    expect(sent).toBe(1);
  });
});

describe("readText", () => {
  test("joins text wherever the bytes are cut, and keeps a byte-order mark", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), sizes, async (text, chunks) => {
        expect(await readText(chunksOf(`\uFEFF${text}`, ...chunks), 10_000)).toBe(`\uFEFF${text}`);
      }),
    );
  });

  test("stops reading at its limit", async () => {
    let given = 0;
    async function* endless(): AsyncIterable<Uint8Array> {
      for (;;) {
        given++;
        yield new Uint8Array(1000).fill(97);
      }
    }
    await expect(readText(endless(), 5000)).rejects.toBeInstanceOf(StreamFault);
    expect(given).toBe(6);
    expect(await readText(chunksOf("a".repeat(5000)), 5000)).toHaveLength(5000);
  });

  test.each([
    ["a lone continuation", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["half a character at the end", [0x61, 0xc3]],
  ])("refuses %s", async (_, bytes) => {
    await expect(readText(chunksOf(Uint8Array.from(bytes)), 100)).rejects.toMatchObject({
      reason: "not-utf8",
    });
    expect(() => decodeText(Uint8Array.from(bytes))).toThrow(StreamFault);
  });
});

describe("readLines", () => {
  test("gives each line that is not blank, wherever the bytes are cut", async () => {
    const line = fc.string({ unit: fc.constantFrom("a", "é", "😀", "{", " ") });
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.boolean(), sizes, async (lines, crlf, chunks) => {
        const text = lines.map((each) => each + (crlf ? "\r\n" : "\n")).join("");
        const read = await toArray(readLines(chunksOf(text, ...chunks), 1000));
        expect(read).toEqual(lines.filter((each) => each.trim() !== ""));
      }),
    );
  });

  test("gives the last line without an end, and breaks at LF alone", async () => {
    expect(await toArray(readLines(chunksOf("a\nb"), 10))).toEqual(["a", "b"]);
    expect(await toArray(readLines(chunksOf("a\u2028b\rc\n"), 10))).toEqual(["a\u2028b\rc"]);
  });

  test("refuses a line larger than its limit, whole or endless", async () => {
    await expect(toArray(readLines(chunksOf("x".repeat(101) + "\n"), 100))).rejects.toMatchObject({
      reason: "too-large",
    });
    await expect(toArray(readLines(chunksOf("x".repeat(500), 50), 100))).rejects.toMatchObject({
      reason: "too-large",
    });
    const many = "0123456789\n".repeat(1000);
    expect(await toArray(readLines(chunksOf(many, 300), 100))).toHaveLength(1000);
  });
});

describe("formatEvent", () => {
  test("gives one event that holds the same JSON, whatever its white space", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.constantFrom("\n", "\r", "\r\n", " "),
        async (value, pad) => {
          const text = JSON.stringify(value, undefined, 1)?.replaceAll("\n", pad) ?? "null";
          const events = await eventsOf(formatEvent(text));
          expect(events).toHaveLength(1);
          expect(JSON.parse(events[0]!.data)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  test("cannot be made to start another field", () => {
    expect(formatEvent('{"a":\n\nevent: x\rid: 1\n}').split("\n").filter(Boolean)).toHaveLength(1);
  });
});
