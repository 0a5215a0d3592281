import { expect, test } from "vitest";
import { allowAll, authA, runGateway } from "./e2e/gateway.ts";

test("doubts name what the config does not have, and what was probably meant", async () => {
  const gateway = await runGateway({
    upstreams: { payments: { url: "http://127.0.0.1:1/mcp" } },
    clients: { "web-app": { auth: authA, allow: allowAll } },
  });
  const { doubts } = gateway.operations;
  expect(doubts({ target: "paymnets/*", client: "web-ap" })).toEqual([
    'The config has no client "web-ap" (did you mean "web-app"?)',
    'The config has no upstream "paymnets" (did you mean "payments"?)',
  ]);
  // In a target a star stands for any name; a client is always one.
  expect(doubts({ target: "p*/refund", client: "*" })).toEqual(['The config has no client "*"']);
  expect(doubts({ target: "payments/refund", client: "web-app" })).toEqual([]);
  expect([doubts({}), doubts({ target: "*" })]).toEqual([[], []]);
  await gateway.close();
});
