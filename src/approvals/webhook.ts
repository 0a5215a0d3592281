/** Tells another program, by a webhook, that a call has begun to wait for an operator. */
import type { WebhookConfig } from "../config/index.ts";
import {
  type Canceller,
  type Clock,
  type Crypto,
  type Egress,
  EgressError,
  type Log,
  type PendingApproval,
  createCanceller,
  createComplaint,
} from "../core/index.ts";
import { cutTarget, cutWhy } from "./wording.ts";

export interface AnnouncerPorts {
  readonly clock: Clock;
  readonly crypto: Pick<Crypto, "hmacSha256">;
  readonly egress: Pick<Egress, "request">;
  readonly log: Log;
  /** The name of this process among its siblings. */
  readonly instance: string;
}
export interface Announcer {
  /** The newest config's webhook; what waits to be sent goes there too, or nowhere without one. */
  readonly follow: (webhook: WebhookConfig | undefined) => void;
  /** Gives back at once, and never throws: nobody's call waits for an announcement. */
  readonly announce: (begun: PendingApproval) => void;
  /** What is under way has a second to end; nothing is tried again. */
  readonly close: () => Promise<void>;
}

const maxWaiting = 100;
const maxInFlight = 4;
/** Before the second attempt, and before the third. */
const retryMs = [1_000, 5_000];
const lastWordsMs = 1_000;

/**
 * Attack: whoever reads the announcements, often a chat, is not who may approve. So they hold no
 * arguments and no subject, and a yes is said to the gateway alone. One that is lost is no harm:
 * the call waits all the same, and operators see it in their list.
 */
export function createAnnouncer(ports: AnnouncerPorts): Announcer {
  const { clock, crypto, egress, log, instance } = ports;
  const complainOfFailure = createComplaint("Cannot announce a call that waits", { clock, log });
  const complainOfLoss = createComplaint("Too many calls wait to be announced", { clock, log });
  const waiting: string[] = [];
  const attempts = new Set<Canceller>();
  const pauses = new Set<() => void>();
  let webhook: WebhookConfig | undefined;
  let working = 0;
  let isClosed = false;
  let onIdle = (): void => undefined;

  async function work(): Promise<void> {
    working++;
    for (let body = waiting.shift(); body !== undefined; body = waiting.shift()) await tell(body);
    working--;
    if (working === 0) onIdle();
  }

  async function tell(body: string): Promise<void> {
    for (const pauseMs of [0, ...retryMs]) {
      if (pauseMs > 0 && !isClosed) await pause(pauseMs);
      // The first attempt of what waited at the close is still made.
      if (webhook === undefined || (isClosed && pauseMs > 0)) return;
      const fault = await post(body, webhook);
      if (fault === undefined) return;
      complainOfFailure({ fault });
    }
  }

  /** What went wrong; it names neither the path nor the query, which may hold a secret. */
  async function post(body: string, to: WebhookConfig): Promise<string | undefined> {
    const { url, secret, timeoutMs } = to;
    const attempt = createCanceller();
    let isLate = false;
    const timer = clock.after(timeoutMs, () => {
      isLate = true;
      attempt.abort();
    });
    attempts.add(attempt);
    try {
      const response = await egress.request({
        url,
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(secret && { "x-mcp-gw-signature": sign(body, secret.reveal()) }),
        },
        body,
        signal: attempt.signal,
        headersTimeoutMs: timeoutMs,
      });
      response.cancel();
      const isTaken = response.status >= 200 && response.status < 300;
      return isTaken ? undefined : `It answered ${response.status}`;
    } catch (error) {
      if (isLate) return "It did not answer in time";
      return error instanceof EgressError ? error.message : "It could not be asked";
    } finally {
      timer.cancel();
      attempts.delete(attempt);
    }
  }

  function sign(body: string, secret: string): string {
    return `sha256=${crypto.hmacSha256(new TextEncoder().encode(secret), body)}`;
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        pauses.delete(end);
        timer.cancel();
        resolve();
      };
      const timer = clock.after(ms, end);
      pauses.add(end);
    });
  }

  return {
    follow: (next) => {
      webhook = next;
    },
    announce: (begun) => {
      if (webhook === undefined || isClosed) return;
      if (waiting.length >= maxWaiting) return complainOfLoss({});
      waiting.push(toBody(begun, instance));
      if (working < maxInFlight) void work();
    },
    close: async () => {
      isClosed = true;
      for (const end of pauses) end();
      if (working > 0) {
        await new Promise<void>((resolve) => {
          const timer = clock.after(lastWordsMs, resolve);
          onIdle = () => {
            timer.cancel();
            resolve();
          };
        });
      }
      waiting.length = 0;
      for (const attempt of attempts) attempt.abort();
    },
  };
}

function toBody(begun: PendingApproval, instance: string): string {
  const { id, client, upstream, name, why, until: expiresAt } = begun;
  const target = cutTarget(name);
  const reason = why === undefined ? undefined : cutWhy(why);
  const kind = "approval";
  return JSON.stringify({
    v: 1,
    id,
    kind,
    client,
    upstream,
    target,
    why: reason,
    expiresAt,
    instance,
  });
}
