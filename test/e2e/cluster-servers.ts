/** The servers behind a cluster: what each tool does is said by its name. */
import type { ServerResponse } from "node:http";
import {
  type FakeServer,
  error,
  modern,
  result,
  sendEvents,
  sendJson,
  startEvents,
  startFake,
} from "../upstreams/fake-server.ts";
import { type AskingServer, startAsking } from "../upstreams/remote-harness.ts";
import { type EchoServer, type SeenRequest, anyTool, startEchoServer } from "./echo-server.ts";

export interface ClusterServers {
  /** `echo` answers, `slow` does so after a while, `ask` asks for a name first, `long` never ends. */
  readonly x: EchoServer;
  /** A legacy server that asks in the middle of its calls: `end` goes on then, `never` never ends. */
  readonly held: AskingServer;
  /** Says that its tools have changed on the stream of a call, and nowhere else. */
  readonly changing: FakeServer;
  /** What `changing` lists. */
  readonly tools: Set<string>;
  readonly close: () => Promise<void>;
}

const slowMs = 150;

export async function startServers(): Promise<ClusterServers> {
  const tools = new Set(["change"]);
  const names = ["echo", "slow", "ask", "long"];
  const [x, held, changing] = await Promise.all([
    startEchoServer({ tools: () => names.map(anyTool), raw: behave }),
    startAsking({
      end: (one, answer) => {
        one.notify("progress", `{"progress":1,"progressToken":${one.token}}`);
        one.end(`{"content":[{"type":"text","text":${JSON.stringify(answer)}}]}`);
      },
      never: (one) => one.notify("progress", `{"progress":1,"progressToken":${one.token}}`),
    }),
    startFake(
      modern(({ id, method }, response) => {
        const listed = [...tools].map(anyTool).join(",");
        if (method === "tools/list") sendJson(response, result(id, `{"tools":[${listed}]}`));
        else if (method === "tools/call") sendEvents(response, changed, result(id, done("ok")));
        else sendJson(response, error(id, -32_601), 404);
      }),
    ),
  ]);
  const close = async (): Promise<void> => {
    await Promise.all([x, held, changing].map((server) => server.close()));
  };
  return { x, held, changing, tools, close };
}

const changed = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}';
const done = (text: string): string =>
  `{"resultType":"complete","content":[{"type":"text","text":"${text}"}]}`;
const question = `{"n":{"method":"elicitation/create","params":{"message":"Name?","requestedSchema":{"type":"object","properties":{}}}}}`;

function behave(id: string, response: ServerResponse, { body }: SeenRequest): void {
  const { params } = JSON.parse(body) as {
    params: { name: string; _meta: { progressToken?: unknown } };
  };
  const answer = (text: string): void => sendJson(response, result(Number(id), text));
  if (params.name === "slow") {
    setTimeout(() => answer(done("slow")), slowMs);
  } else if (params.name === "ask") {
    const name = /"name":"(Ada)"/.exec(body)?.[1];
    const asked = `{"resultType":"input_required","inputRequests":${question},"requestState":"own"}`;
    answer(name === undefined ? asked : done(name));
  } else if (params.name === "long") {
    const token = JSON.stringify(params._meta.progressToken);
    startEvents(response);
    response.write(
      `data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1,"progressToken":${token}}}\n\n`,
    );
  } else answer(done("ok"));
}
