import { expect, expectTypeOf, test } from "vitest";
import { type Pipeline, type Stage, StoreLost, pass, pipeline } from "../../src/core/index.ts";

interface Start {
  readonly path: string;
}
interface Known extends Start {
  readonly client: string;
}
interface Permitted extends Known {
  readonly permit: true;
}
const identify: Stage<Start, Known> = { name: "identify", run: (x) => pass({ ...x, client: "a" }) };
const permit: Stage<Known, Permitted> = {
  name: "permit",
  run: (x) => pass({ ...x, permit: true }),
};
const send: Stage<Permitted, Permitted> = { name: "send", run: pass };

test("a road in its order compiles and walks", async () => {
  const road = pipeline(identify, permit, send);
  expectTypeOf(road).toEqualTypeOf<Pipeline<Start, Permitted>>();
  expect(road.stages).toEqual(["identify", "permit", "send"]);
  const { verdict, stage } = await road.walk({ path: "/" });
  expect(stage).toBe("send");
  expect(verdict).toEqual({ verdict: "pass", out: { path: "/", client: "a", permit: true } });
});

test("a road without a stage, or with one too early, does not compile", () => {
  // @ts-expect-error `send` needs the permit that nobody gave
  pipeline(identify, send);
  // @ts-expect-error `permit` comes before the client is known
  pipeline(permit, identify, send);
  // @ts-expect-error the first stage needs a fact that a fresh exchange does not have
  expectTypeOf(pipeline(permit, send)).toEqualTypeOf<Pipeline<Start, Permitted>>();
});

test("a stage that throws ends the walk as INTERNAL, with the facts gathered so far", async () => {
  const bug = new Error("bug");
  const broken: Stage<Known, Permitted> = {
    name: "broken",
    run: () => {
      throw bug;
    },
  };
  const walked = await pipeline(identify, broken).walk({ path: "/" });
  expect(walked).toMatchObject({ stage: "broken", thrown: bug, exchange: { client: "a" } });
  expect(walked.verdict).toMatchObject({ verdict: "deny", code: "INTERNAL" });
});

test("a stage whose store is lost refuses, which is no bug", async () => {
  const lost: Stage<Known, Permitted> = {
    name: "lost",
    run: () => Promise.reject(new StoreLost("timeout", "It did not answer")),
  };
  const walked = await pipeline(identify, lost).walk({ path: "/" });
  expect(walked).toMatchObject({ stage: "lost", exchange: { client: "a" } });
  expect(walked.verdict).toMatchObject({ code: "STORE_UNAVAILABLE", why: "It did not answer" });
  expect(walked.thrown).toBeUndefined();
});
