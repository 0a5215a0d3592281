/** Builds the rooms that follow one config, and takes each exchange along the road: arrive, turn, record. */
import type { Audit } from "./audit/index.ts";
import type { AdminConfig, Config } from "./config/index.ts";
import { conduct } from "./conduct.ts";
import {
  type CallWish,
  type Clock,
  type Code,
  type Deny,
  type Gateway,
  type Log,
  type Operator,
  createCanceller,
} from "./core/index.ts";
import { type CallExplanation, explainCall } from "./explain-call.ts";
import { type Foundation, type FoundationConfig, toAuditView } from "./foundation.ts";
import { createIdentity, createOperators } from "./identity/index.ts";
import { createLimits } from "./limits/index.ts";
import { createLockCleaner } from "./lock-cleaner.ts";
import { createPolicy } from "./policy/index.ts";
import { probeUpstreams } from "./probe.ts";
import type { PluggedIn } from "./plug-in.ts";
import type { PluginStats } from "./sandbox/index.ts";
import { type Subscriber, buildRoad, toRoadSettings } from "./stages/index.ts";
import { type IntegrityEvent, type UpstreamStatus, createNames } from "./upstreams/index.ts";

export interface OpenGateway extends Gateway {
  readonly audit: Audit;
  readonly upstreams: () => readonly UpstreamStatus[];
  /** Asks each upstream who it is, for at most a few seconds, and tells what is known then. */
  readonly probe: () => Promise<readonly UpstreamStatus[]>;
  /** Records a refusal that the door gave before there was an exchange. */
  readonly refused: (code: Code, address: string | undefined) => void;
  /** Who asks at the admin door; failures are counted per address. */
  readonly operator: (
    authorization: string | null,
    address: string | undefined,
  ) => Promise<Operator | Deny>;
  readonly subscriber: Subscriber;
  readonly plugins: () => readonly PluginStats[];
  /** Decides a call that is not made. */
  readonly explain: (wish: CallWish) => CallExplanation;
  /**
   * Another gateway takes the place of this one: streams of changes go over to it, and what else is
   * under way ends under the rules it began with, but for what its upstreams may ask of clients: that
   * follows the newest config. Settles when nothing is left.
   */
  readonly giveWay: () => Promise<void>;
}

export interface GatewayOptions {
  /** What the one operator of a config without any is known by; nobody is, where it is absent. */
  readonly adminToken?: string | undefined;
  /** Of the gateway that has taken the place of this one: the newest, or each would keep the next. */
  readonly heir?: (() => Subscriber) | undefined;
}

function usersOf({ admin }: Config): AdminConfig["users"] {
  return admin === false ? {} : admin.users;
}

/** Nothing is dialled before the first exchange needs it. Throws where the config cannot be built. */
export function openGateway(
  loaded: FoundationConfig,
  foundation: Foundation,
  { plugins }: Pick<PluggedIn, "plugins">,
  { adminToken, heir }: GatewayOptions = {},
): OpenGateway {
  const { config } = loaded;
  const { ports, sessions, blocks, slots, cancellations, integrity, draining, version } =
    foundation;
  const { clock, log, crypto } = ports;
  const audit = foundation.audit.under(toAuditView(loaded));
  const policy = createPolicy(config, ports, blocks.find);
  const identity = createIdentity(config, ports);
  const operators = createOperators({ users: usersOf(config), token: adminToken }, ports);
  const limits = createLimits(config, ports, slots);
  const names = createNames(config, ports);
  // A server on this machine may be able to read `.mcp-gw/run.json`.
  const own = adminToken === undefined ? [] : [adminToken];
  // Where no store outlives the process, what was used up before it began is not known to be so:
  // under keys of the config an approval could come again, so that it is good for this process alone.
  const digest = ports.bus ? loaded.digest : `${loaded.digest} ${foundation.instance}`;
  const settings = toRoadSettings({ config, digest }, log, version, own);
  // Last, since nothing below can be wrong with a config: what is opened is given back by `giveWay`.
  const upstreams = foundation.upstreams.open(config, policy.grants);
  integrity.follow(config.integrity, createLockCleaner(config), (event) =>
    recordLock(event, audit, clock, log),
  );
  foundation.announcer.follow(config.approvals.webhook);
  const succession = createCanceller();
  const moving = new Set<Promise<unknown>>();
  const hold = (move: Promise<unknown>): void => {
    moving.add(move);
    const forget = (): void => void moving.delete(move);
    move.then(forget, forget);
  };
  const road = buildRoad(
    {
      approvals: foundation.approvals,
      identity,
      limits,
      sessions,
      policy,
      plugins,
      upstreams,
      names,
      clock,
      log,
      crypto,
      seals: foundation.keyring.seals,
      draining: draining.signal,
      succession: { signal: succession.signal, heir: () => heir?.(), hold },
      onDecided: (act) => {
        const ends = [blocks.onChange(act), integrity.onChange(act)];
        return () => ends.forEach((end) => end());
      },
    },
    settings,
  );
  const ready = (): boolean => !draining.signal.aborted;
  const conductor = conduct({
    road,
    sessions,
    audit,
    upstreams,
    clock,
    log,
    cancellations,
    rolesOf: policy.rolesOf,
    ready,
  });
  return {
    handle: conductor.handle,
    ready,
    allOrigins: identity.allOrigins,
    audit,
    upstreams: upstreams.status,
    probe: () => probeUpstreams(upstreams, clock),
    refused: (code, address) => {
      const about = { transport: "http", stage: "door", code, why: "" };
      void audit.refused({ time: clock.now(), address, ...about });
    },
    operator: async (authorization, address) => {
      const found = operators.authenticate(authorization);
      return "verdict" in found ? ((await limits.stranger(address)) ?? found) : found;
    },
    subscriber: road.subscriber,
    plugins: plugins.stats,
    explain: (wish) => {
      const status = upstreams.status();
      const isQuarantined = (upstream: string, tool: string): boolean =>
        status.some(({ name, quarantined }) => name === upstream && quarantined.includes(tool));
      return explainCall(wish, {
        policy,
        config,
        lock: integrity.lock(),
        plugins: plugins.all,
        isQuarantined,
      });
    },
    giveWay: async () => {
      succession.abort();
      await conductor.idle();
      // Until the next one hears them, streams hear the upstreams of this one.
      await Promise.allSettled(moving);
      await upstreams.close();
      await plugins.close();
    },
  };
}

/** Nobody's call waits for it, and one that finds no room was logged. */
function recordLock(
  { what, upstream, tool, plugin, why }: IntegrityEvent,
  audit: Audit,
  clock: Clock,
  log: Log,
): void {
  const isHeld = what === "quarantined";
  audit
    .reserve()
    ?.write({
      kind: "lock",
      time: clock.now(),
      method: what,
      upstream,
      target: plugin ?? tool,
      decision: isHeld ? "denied" : "allowed",
      ...(isHeld ? { code: "QUARANTINED" } : {}),
      why,
    })
    .catch((error: unknown) => log.error("Cannot record what is locked", { error: String(error) }));
}
