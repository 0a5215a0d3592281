/** A deadline for a request's body, for servers that have none of their own. */

/**
 * Answers with `late()` when the body has not arrived in time; what was read of it then fails. What
 * has not been read when the answer begins is not read any more.
 */
export function withBodyDeadline(
  request: Request,
  ms: number,
  fetch: (request: Request) => Response | Promise<Response>,
  late: () => Response,
): Response | Promise<Response> {
  if (request.body === null) return fetch(request);
  const reader = request.body.getReader();
  let end: () => void = () => undefined;
  const timeout = new Promise<"late">((resolve) => {
    const timer = setTimeout(() => resolve("late"), ms);
    end = () => clearTimeout(timer);
  });
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const next = await Promise.race([reader.read(), timeout]);
        if (next === "late") {
          controller.error(new DOMException("The body did not arrive in time", "TimeoutError"));
        } else if (next.done) {
          end();
          controller.close();
        } else {
          controller.enqueue(next.value);
        }
      },
      cancel: (reason) => {
        end();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  // A body that streams must say so (Fetch, `duplex`); Deno's types do not know the word.
  const init: RequestInit & { readonly duplex: "half" } = {
    method: request.method,
    headers: request.headers,
    body,
    duplex: "half",
    signal: request.signal,
  };
  const timed = new Request(request.url, init);
  const answer = Promise.resolve(fetch(timed)).finally(() => {
    end();
    // A body that a refusal left unread would keep the connection open, whatever the client asks.
    reader.cancel().catch(ignoreBroken);
  });
  const tooLate = timeout.then(() => {
    // Nobody takes the answer any more; it must not hold what it streams from.
    answer.then((response) => response.body?.cancel()).catch(() => undefined);
    return late();
  });
  return Promise.race([answer, tooLate]);
}

/** A body that broke off has nothing left to let go of. */
function ignoreBroken(): undefined {
  return undefined;
}
