import { createHmac } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { type Announcer, createAnnouncer, openApprovals } from "../../src/approvals/index.ts";
import {
  EgressError,
  type EgressRequest,
  type EgressResponse,
  type PendingApproval,
  Secret,
  createCanceller,
} from "../../src/core/index.ts";
import { openMemoryStore } from "../../src/stores/index.ts";
import { createFakeClock, settle } from "../audit/fakes.ts";
import { createFakeLog } from "../http/fakes.ts";
import { crypto, handClock, ownSeals } from "../stores/ports.ts";

const url = "https://hooks.example.com/services/path-that-is-secret";
const secret = new Secret("a-secret-that-signs-what-is-announced");
const begun: PendingApproval = {
  id: "0123456789abcdef",
  client: "agent",
  subject: "subject-of-the-call",
  kind: "tool",
  upstream: "payments",
  name: "send",
  args: '{"amount":"argument-of-the-call"}',
  rules: ["large"],
  why: "More than 100",
  at: 1_000,
  until: 301_000,
  state: "waiting",
};

type Answer = number | "never" | EgressError;
let announcer: Announcer;
afterEach(() => announcer.close());

/** Answers each attempt with the next of `answers`, and with the last one from then on. */
function open(...answers: Answer[]) {
  const clock = createFakeClock();
  const lines: string[] = [];
  const requests: EgressRequest[] = [];
  const request = (asked: EgressRequest): Promise<EgressResponse> => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? 200;
    requests.push(asked);
    if (answer instanceof EgressError) return Promise.reject(answer);
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(new EgressError("aborted", "It was cancelled"));
      asked.signal.addEventListener("abort", aborted);
      if (answer !== "never") resolve({ status: answer, cancel: () => undefined } as never);
    });
  };
  const log = createFakeLog(lines);
  announcer = createAnnouncer({ clock, crypto, egress: { request }, log, instance: "i1" });
  announcer.follow({ url, secret, timeoutMs: 5_000 });
  return { announcer, clock, lines, requests };
}

test("announce posts what waits, signed, without arguments and subject", async () => {
  const { requests, lines } = open(204);
  announcer.announce(begun);
  await settle();
  const [{ body = "", headers, ...request } = {} as EgressRequest, ...more] = requests;
  expect(more).toEqual([]);
  expect(request).toMatchObject({ url, method: "POST", headersTimeoutMs: 5_000 });
  expect(JSON.parse(body)).toEqual({
    v: 1,
    id: "0123456789abcdef",
    kind: "approval",
    client: "agent",
    upstream: "payments",
    target: "send",
    why: "More than 100",
    expiresAt: 301_000,
    instance: "i1",
  });
  expect(body).not.toContain("of-the-call");
  const hmac = createHmac("sha256", secret.reveal()).update(body).digest("hex");
  expect(headers).toEqual({
    "content-type": "application/json",
    "x-mcp-gw-signature": `sha256=${hmac}`,
  });
  expect(lines).toEqual([]);
});

test("announce signs nothing without a secret, and does nothing without a webhook", async () => {
  const { requests } = open(200);
  announcer.follow({ url, timeoutMs: 5_000 });
  announcer.announce(begun);
  await settle();
  expect(Object.keys(requests[0]?.headers ?? {})).toEqual(["content-type"]);
  announcer.follow(undefined);
  announcer.announce(begun);
  await settle();
  expect(requests).toHaveLength(1);
});

test("announce cuts what a client wrote, and shows what it hides", async () => {
  const { requests } = open(200);
  announcer.announce({ ...begun, name: `file:///\u202E${"x".repeat(9_000)}` });
  await settle();
  const { target } = JSON.parse(requests[0]?.body ?? "") as { target: string };
  expect(target).toMatch(/^file:\/\/\/<U\+202E>x+…$/);
  expect(target.length).toBeLessThan(300);
});

test.each<[string, Answer, string]>([
  ["a refusal", 500, "It answered 500"],
  ["a redirect", 302, "It answered 302"],
  ["no connection", new EgressError("unreachable", "Cannot reach it"), "Cannot reach it"],
])("after %s it is tried again after 1 and 5 seconds, and then no more", async (_, answer, why) => {
  const { clock, requests, lines } = open(answer);
  announcer.announce(begun);
  await settle();
  await clock.advance(999);
  expect(requests).toHaveLength(1);
  await clock.advance(1);
  expect(requests).toHaveLength(2);
  await clock.advance(4_999);
  expect(requests).toHaveLength(2);
  await clock.advance(1);
  expect(requests).toHaveLength(3);
  await clock.advance(600_000);
  expect(requests).toHaveLength(3);
  expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
  expect(lines).toEqual([`Cannot announce a call that waits {"fault":"${why}"}`]);
});

test("failures are logged once a minute, with how many were not", async () => {
  const { clock, lines, requests } = open(500);
  announcer.announce(begun);
  await settle();
  await clock.advance(59_999);
  expect(requests).toHaveLength(3);
  expect(lines).toHaveLength(1);
  await clock.advance(1);
  announcer.announce(begun);
  await settle();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain('"untold":2');
  expect(lines.join()).not.toContain("path-that-is-secret");
});

test("an attempt that is not answered in time is given up", async () => {
  const { clock, requests, lines } = open("never", 200);
  announcer.announce(begun);
  await settle();
  await clock.advance(4_999);
  expect(requests[0]?.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(requests[0]?.signal.aborted).toBe(true);
  expect(lines.join()).toContain("It did not answer in time");
  await clock.advance(1_000);
  expect(requests).toHaveLength(2);
});

test("a few are sent at once, a hundred wait, and more are dropped", async () => {
  const { clock, requests, lines } = open("never", "never", "never", "never", 200);
  for (let count = 0; count < 106; count++) announcer.announce(begun);
  await settle();
  expect(requests).toHaveLength(4);
  expect(lines).toEqual(["Too many calls wait to be announced {}"]);
  await clock.advance(60_000);
  // Those four and the hundred, and each of the four once more.
  expect(requests).toHaveLength(108);
});

test("what waits goes to the newest webhook", async () => {
  const { clock, requests } = open(500, 200);
  announcer.announce(begun);
  await settle();
  announcer.follow({ url: "https://other.example.com/", timeoutMs: 1_000 });
  await clock.advance(1_000);
  expect(requests[1]).toMatchObject({ url: "https://other.example.com/", headersTimeoutMs: 1_000 });
  expect(requests[1]?.headers).not.toHaveProperty("x-mcp-gw-signature");
});

test("close waits a second for what is under way, and then ends it", async () => {
  const { clock, requests } = open("never");
  for (let count = 0; count < 6; count++) announcer.announce(begun);
  await settle();
  let isClosed = false;
  void announcer.close().then(() => (isClosed = true));
  await clock.advance(999);
  expect(isClosed).toBe(false);
  expect(requests[0]?.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(isClosed).toBe(true);
  expect(requests.map(({ signal }) => signal.aborted)).toEqual([true, true, true, true]);
  announcer.announce(begun);
  await settle();
  await clock.advance(60_000);
  expect(requests).toHaveLength(4);
  expect(clock.timers()).toBe(0);
});

test("close tries nothing again, and ends at once where nothing is under way", async () => {
  const { clock, requests } = open(500);
  announcer.announce(begun);
  await settle();
  await announcer.close();
  expect(requests).toHaveLength(1);
  expect(clock.timers()).toBe(0);
});

test("settle announces a call once, when it begins to wait", async () => {
  open();
  const told: PendingApproval[] = [];
  const clock = handClock();
  let lost = 2;
  const store = openMemoryStore({ clock });
  const approvals = await openApprovals(
    {
      clock,
      crypto,
      store: {
        ...store,
        replace: async (...args) => (lost-- > 0 ? false : store.replace(...args)),
      },
      announce: (each) => told.push(each),
    },
    ownSeals(),
  );
  const { id: _, at: __, until: ___, state: ____, ...wish } = begun;
  const ask = () =>
    approvals.settle(
      {
        ...wish,
        subject: undefined,
        why: undefined,
        more: undefined,
        call: "digest",
        expiresMs: 1_000,
      },
      0,
      createCanceller().signal,
    );
  const first = await ask();
  await ask();
  expect(told.map(({ id }) => id)).toEqual(["approval" in first ? first.approval.id : ""]);
  expect(Object.keys(told[0] ?? {})).not.toContain("call");
  await approvals.decide(["agent"], told[0]?.id ?? "", { decision: "approve", by: "ann", is: [] });
  await ask();
  expect(told).toHaveLength(1);
  await ask();
  expect(told).toHaveLength(2);
});
