import { expect, test } from "vitest";
import { type ErrorMessage, type ResultMessage, reread } from "../../src/mcp/index.ts";
import type { JsonObject } from "../../src/mcp/index.ts";
import { createQuestions } from "../../src/sessions/questions.ts";
import { crypto } from "../stores/ports.ts";
import { settle } from "./hand-timers.ts";

const yes: ResultMessage = { kind: "result", result: reread('{"action":"accept"}') as JsonObject };
const no: ErrorMessage = { kind: "error", code: -1, message: "No", data: undefined };

function open() {
  const gone = new Set<string>();
  return { gone, questions: createQuestions(crypto, (session) => !gone.has(session)) };
}

test("A question is answered once, by the session that was asked", async () => {
  const { questions } = open();
  const question = questions.open("ann")!;
  expect(JSON.parse(question.id)).toMatch(/^mcp-gw-[0-9a-f]{32}$/);
  expect(questions.settle("ben", question.id, no)).toBe(false);
  expect(questions.settle("ann", '"mcp-gw-x"', no)).toBe(false);
  expect(questions.settle("ann", question.id, yes)).toBe(true);
  expect(questions.settle("ann", question.id, no)).toBe(false);
  expect(await question.answer).toBe(yes);
  question.close();
  expect(await question.answer).toBe(yes);
  expect(questions.entries()).toBe(0);
});

test("A question that is closed has no answer, and takes none", async () => {
  const { questions } = open();
  const [one, other] = [questions.open("ann")!, questions.open("ann")!];
  one.close();
  expect(await one.answer).toBeUndefined();
  expect(questions.settle("ann", one.id, yes)).toBe(false);
  expect(questions.settle("ann", other.id, yes)).toBe(true);
  expect(await other.answer).toBe(yes);
});

test("A session has at most 64 questions open, whatever others have", () => {
  const { questions } = open();
  const opened = Array.from({ length: 64 }, () => questions.open("ann")!);
  expect(new Set(opened.map(({ id }) => id)).size).toBe(64);
  expect(questions.open("ann")).toBeUndefined();
  expect(questions.open("ben")).toBeDefined();
  opened[7]!.close();
  expect(questions.open("ann")).toBeDefined();
  expect(questions.open("ann")).toBeUndefined();
});

test("The questions of a session that ends are closed, and it is asked nothing more", async () => {
  const { questions, gone } = open();
  const [one, other] = [questions.open("ann")!, questions.open("ben")!];
  let isOtherSettled = false;
  void other.answer.then(() => (isOtherSettled = true));
  gone.add("ann");
  questions.end("ann");
  expect(await one.answer).toBeUndefined();
  expect(questions.open("ann")).toBeUndefined();
  await settle();
  expect(isOtherSettled).toBe(false);
});
