/**
 * Three instances of one gateway as processes, with one Redis and a front. The clock of the last one
 * is 10 minutes ahead, which nobody may notice.
 */
import { afterAll, beforeAll, describe } from "vitest";
import { describeRedisOnNode } from "../stores/redis-server.ts";
import { blocksSuite } from "./cluster-blocks.suite.ts";
import { atOnce, bucket, callsSuite } from "./cluster-calls.suite.ts";
import { clocksSuite, quickBucket } from "./cluster-clocks.suite.ts";
import { drain, restartSuite } from "./cluster-restart.suite.ts";
import { type ClusterServers, startServers } from "./cluster-servers.ts";
import { type Cluster, authOf, openCluster } from "./cluster.ts";
import { allowAll } from "./gateway.ts";

const skewMs = 600_000;
const plenty = { burst: 1_000_000, perSecond: 1_000_000 };

describeRedisOnNode("three instances with one Redis", () => {
  let servers: ClusterServers | undefined;
  let cluster: Cluster | undefined;

  beforeAll(async () => {
    servers = await startServers();
    const { x, held, changing } = servers;
    const config = {
      upstreams: { x: { url: x.url }, held: { url: held.url }, changing: { url: changing.url } },
      drain,
      clients: {
        a: { auth: authOf("a"), allow: allowAll, rate: plenty, maxConcurrent: 500 },
        b: { auth: authOf("b"), allow: { ...allowAll, input: ["elicitation"] }, rate: plenty },
        counted: {
          auth: authOf("counted"),
          allow: allowAll,
          rate: { burst: bucket, perSecond: 0.001 },
          maxConcurrent: atOnce,
        },
        refilled: { auth: authOf("refilled"), allow: allowAll, rate: quickBucket },
      },
    };
    cluster = await openCluster(config, skewMs);
  }, 60_000);
  afterAll(async () => {
    await cluster?.close();
    await servers?.close();
  });
  const opened = (): Cluster => is(cluster);

  describe("for all their calls", () => callsSuite(opened, () => is(servers)));
  describe("whose clocks differ", () => clocksSuite(opened));
  describe("under one operator", () => blocksSuite(opened));
  describe("under load", () => restartSuite(opened));
});

function is<T>(opened: T | undefined): T {
  if (opened === undefined) throw new Error("It was not opened");
  return opened;
}
