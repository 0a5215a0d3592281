import { expect, test } from "vitest";
import { streamOf } from "../../src/core/index.ts";
import { type JsonObject, reread } from "../../src/mcp/index.ts";
import { type Sanitizable, sanitize } from "../../src/stages/sanitize.ts";

/** What becomes of an answer whose `result` is `{"t":"…"}`, under a cap in bytes. */
async function kindOf(text: string, maxBytes: number): Promise<string> {
  const stage = sanitize({
    settings: () => ({ secrets: "redact", hidden: "strip" }),
    maxResponseBytes: () => maxBytes,
  });
  const result = reread(JSON.stringify({ t: text })) as JsonObject;
  const exchange = {
    client: { name: "a", subject: undefined },
    input: { kind: "request", method: "tools/call" },
    reviewed: streamOf({ kind: "result", result }),
  };
  const verdict = await stage.run(exchange as unknown as Sanitizable);
  if (verdict.verdict !== "pass") return verdict.verdict;
  for await (const message of verdict.out.answer) {
    return message.kind === "failure" ? message.code : message.kind;
  }
  return "nothing";
}

test("sanitize holds the cap in bytes, not in characters", async () => {
  const frame = '{"t":""}'.length;
  expect(await kindOf("a".repeat(30), frame + 30)).toBe("result");
  expect(await kindOf("a".repeat(31), frame + 30)).toBe("RESPONSE_TOO_LARGE");
  expect(await kindOf("世".repeat(10), frame + 30)).toBe("result");
  expect(await kindOf("世".repeat(11), frame + 30)).toBe("RESPONSE_TOO_LARGE");
});
