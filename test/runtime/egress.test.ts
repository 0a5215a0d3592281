import { createClock } from "../../src/runtime/clock.ts";
import { denoGlobal } from "../../src/runtime/deno-global.ts";
import { createDenoEgress } from "../../src/runtime/egress-deno.ts";
import { createNodeEgress } from "../../src/runtime/egress-node.ts";
import { testEgress } from "./egress.suite.ts";

if (denoGlobal() === undefined) testEgress("egress on Node", () => createNodeEgress());
else testEgress("egress on Deno", () => createDenoEgress(createClock()));
