/** Where no plugin fits, nothing is made and nothing waited for. */
import { expect, test } from "vitest";
import {
  type Answered,
  type Pass,
  type Reviewed,
  type Shaped,
  streamOf,
} from "../../src/core/index.ts";
import { allow } from "../../src/plugin.ts";
import { consult } from "../../src/stages/consult.ts";
import { createPluginDesk } from "../../src/stages/plugin-desk.ts";
import { review } from "../../src/stages/review.ts";
import type { Names } from "../../src/upstreams/index.ts";
import { type FakePlugin, fakePlugins } from "./fake-plugins.ts";

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
/** At the endpoint of one upstream nothing is shown under another name. */
const names = {} as Names;
const hooks = { onToolCall: () => allow(), onText: () => allow() };
const unfit: FakePlugin = { hooks, fits: () => false };

const facts = {
  target: { kind: "one", upstream: "x", what: "tool", name: "echo" },
  input: { kind: "request", method: "tools/call", does: { what: "tool" } },
  endpoint: { upstream: "x" },
  shaped: { params: undefined },
};

test.each([
  ["no plugin", []],
  ["no plugin that fits", [unfit]],
])("with %s consult answers at once, and review gives the same stream", (_, plugins) => {
  const desk = createPluginDesk(fakePlugins(...plugins), silent);
  expect(consult(desk).run(facts as unknown as Shaped)).toMatchObject({ verdict: "pass" });
  const raw = streamOf();
  const verdict = review(desk, names, (_exchange, why) => why).run({
    ...facts,
    raw,
  } as unknown as Answered);
  expect((verdict as Pass<Reviewed>).out.reviewed).toBe(raw);
});
