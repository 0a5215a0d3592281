/** Builds the rooms from a config and takes each exchange along the road: arrive, turn, record. */
import { openAudit } from "./audit/index.ts";
import { type LoadedConfig, resolvePath } from "./config/index.ts";
import { conduct } from "./conduct.ts";
import {
  type Code,
  type Gateway,
  type Ports,
  compileLinear,
  createCanceller,
  toHex,
  createSeals,
} from "./core/index.ts";
import { createIdentity } from "./identity/index.ts";
import { createLimits } from "./limits/index.ts";
import { createPolicy } from "./policy/index.ts";
import { cleanJson, credentialsOf, resolveSettings } from "./sanitize/index.ts";
import { probeUpstreams } from "./probe.ts";
import { createSessions } from "./sessions/index.ts";
import { buildRoad, toRoadSettings } from "./stages/index.ts";
import { type UpstreamStatus, createNames, openUpstreams } from "./upstreams/index.ts";

export interface GatewayOptions {
  readonly loaded: Pick<LoadedConfig, "config" | "folder" | "digest">;
  readonly ports: Ports;
  readonly version: string;
  /** What a child process may inherit from: PATH, HOME and the locale are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface OpenGateway extends Gateway {
  readonly upstreams: () => readonly UpstreamStatus[];
  /** Asks each upstream who it is, for at most a few seconds, and tells what is known then. */
  readonly probe: () => Promise<readonly UpstreamStatus[]>;
  /** Records a refusal that the door gave before there was an exchange. */
  readonly refused: (code: Code, address: string | undefined) => void;
  /** From here on new exchanges are refused, `/readyz` fails, and subscriptions end. */
  readonly drain: () => void;
}

/** Opens everything that the config names; nothing is dialled before the first exchange needs it. */
export async function openGateway(options: GatewayOptions): Promise<OpenGateway> {
  const { loaded, ports, version, env } = options;
  const { config, folder, digest } = loaded;
  const { clock, log, crypto, store } = ports;
  const literals = credentialsOf(config);
  const recorded = {
    ...resolveSettings({ secrets: "redact", hidden: "show" }),
    ...(literals && { literals }),
  };
  const instance = toHex(crypto.randomBytes(8));
  const audit = await openAudit({
    settings: config.audit,
    path: resolvePath(folder, config.audit.file),
    instance,
    config: digest,
    ports,
    clean: (json) => cleanJson(json, recorded),
  });
  const policy = createPolicy(config, ports);
  const about = { folder, version, env, grants: policy.grants, instance };
  const upstreams = openUpstreams(config, about, ports, compileLinear);
  const identity = createIdentity(config, ports);
  const limits = createLimits(config, ports);
  const keys = config.keys.map((key) => new TextEncoder().encode(key.reveal()));
  const seals = createSeals(keys, crypto.randomBytes);
  const sessions = await createSessions({ ...ports, seals });
  const names = createNames(config, ports);
  const draining = createCanceller();
  const road = buildRoad(
    {
      identity,
      limits,
      sessions,
      policy,
      upstreams,
      names,
      clock,
      log,
      crypto,
      seals,
      draining: draining.signal,
    },
    toRoadSettings(config, log, version),
  );
  const ready = (): boolean => !draining.signal.aborted;
  return {
    handle: conduct({ road, sessions, audit, upstreams, clock, log, ready }),
    ready,
    allOrigins: identity.allOrigins,
    upstreams: upstreams.status,
    probe: () => probeUpstreams(upstreams, clock),
    refused: (code, address) => {
      void audit.refused({
        time: clock.now(),
        address,
        transport: "http",
        stage: "door",
        code,
        why: "",
      });
    },
    drain: draining.abort,
    close: async () => {
      draining.abort();
      await upstreams.close();
      await audit.close();
      await store.close();
    },
  };
}
