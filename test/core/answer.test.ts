import { expect, test } from "vitest";
import { type AnswerMessage, failure, mapAnswer, streamOf } from "../../src/core/index.ts";

const note: AnswerMessage = { kind: "notification", method: "notifications/x", params: undefined };
const last = failure("UPSTREAM_INVALID", "the end");

/** A stream that says when it was let go. */
function watched(...messages: AnswerMessage[]) {
  const state = { left: 0 };
  async function* stream() {
    try {
      yield* messages;
    } finally {
      state.left++;
    }
  }
  return { state, stream: stream() };
}
async function all(stream: AsyncIterable<AnswerMessage>): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { kind } of stream) kinds.push(kind);
  return kinds;
}

test("mapAnswer changes each message and ends where the stream ends", async () => {
  const seen: string[] = [];
  const mapped = mapAnswer(streamOf(note, note, last), (message) => {
    seen.push(message.kind);
    return message;
  });
  expect(await all(mapped)).toEqual(["notification", "notification", "failure"]);
  expect(seen).toEqual(["notification", "notification", "failure"]);
});

test("mapAnswer ends the stream behind a message that was made the last one", async () => {
  const { state, stream } = watched(note, note, last);
  expect(await all(mapAnswer(stream, () => last))).toEqual(["failure"]);
  expect(state.left).toBe(1);
});

test("mapAnswer lets the stream go when a change throws, or its reader leaves", async () => {
  const thrown = watched(note, last);
  const bug = mapAnswer(thrown.stream, () => {
    throw new Error("bug");
  });
  await expect(all(bug)).rejects.toThrow("bug");
  expect(thrown.state.left).toBe(1);
  const left = watched(note, last);
  for await (const message of mapAnswer(left.stream, (each) => each)) {
    expect(message).toBe(note);
    break;
  }
  expect(left.state.left).toBe(1);
});
