/** `mcp-gw access`: who can reach what, and under which conditions. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { suggest } from "../config/index.ts";
import { globsOverlap } from "../core/index.ts";
import type { ExplainGround } from "../gateway.ts";
import type { TargetKind } from "../mcp/index.ts";
import { patternsFor } from "../policy/index.ts";
import { openRuntime } from "../runtime/index.ts";
import {
  type InputGrantOf,
  type Reached,
  type ReachedRule,
  inputOf,
  reachOf,
} from "./access-reach.ts";
import { type Target, collectTargets, targetText } from "./access-targets.ts";
import { toConfigArgs } from "./config-args.ts";
import { type GroundOptions, type GroundRuntime, openExplainGround } from "./explain-ground.ts";
import { toSafeRow } from "./explain-output.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

export const accessCommand = defineCommand({
  meta: {
    name: "access",
    description: "Who can reach what. Example: mcp-gw access --target 'payments/*'",
  },
  args: {
    client: { type: "string", description: "This client alone (default: all)", valueHint: "NAME" },
    target: {
      type: "string",
      description: "Only what this pattern names or meets",
      valueHint: "PATTERN",
    },
    ...toConfigArgs("The config"),
    json: { type: "boolean", description: "Print { clients }", default: false },
  },
  run: async ({ args }) =>
    access({ ...args, envFile: args["env-file"] }, await openRuntime(), consoleOutput),
});

export interface AccessOptions extends GroundOptions {
  readonly client?: string | undefined;
  readonly target?: string | undefined;
  readonly json: boolean;
}
export interface AccessRow extends Pick<Reached, "allows" | "rules" | "conflict"> {
  readonly kind: TargetKind;
  /** `upstream/name` */
  readonly target: string;
  /** It speaks of all that it matches and that is not named beside it. */
  readonly isPattern: boolean;
}
export interface ClientAccess {
  readonly client: string;
  readonly roles: readonly string[];
  readonly targets: readonly AccessRow[];
  readonly input: readonly InputGrantOf[];
}

/** The exit code: 0 good, 2 wrong usage. */
export async function access(
  options: AccessOptions,
  runtime: GroundRuntime,
  output: Output,
): Promise<number> {
  const ground = await openExplainGround(options, runtime, output);
  if (ground === undefined) return 2;
  const { client, target } = options;
  const names = Object.keys(ground.config.clients);
  if (client !== undefined && !names.includes(client)) {
    const meant = suggest(client, names);
    const text = `There is no client "${client}"${meant === undefined ? "" : ` (${meant})`}`;
    output.err(toSafeLine(text, 400));
    return 2;
  }
  if (target !== undefined && target !== "*" && !/^[^/]+\/./s.test(target)) {
    output.err(toSafeLine(`Cannot read --target "${target}": it must be upstream/name`, 400));
    return 2;
  }
  const clients = accessOf(ground, client === undefined ? names : [client], target);
  if (options.json) output.out(toLineText(JSON.stringify({ clients })));
  else for (const line of clients.flatMap(toLines)) output.out(line);
  return 0;
}

export function accessOf(
  ground: ExplainGround,
  clients: readonly string[],
  pattern?: string,
): readonly ClientAccess[] {
  const targets = collectTargets([ground.config], [ground.lock]).filter(
    (target) => isShown(target, ground) && isMeant(target, pattern),
  );
  return clients.map((client) => ({
    client,
    roles: ground.config.clients[client]?.roles ?? [],
    targets: reachOf(ground, client, targets).map(({ target, ...rest }) => ({
      kind: target.kind,
      target: targetText(target),
      isPattern: target.name !== target.example,
      ...rest,
    })),
    input: inputOf(ground, client).filter(
      ({ upstream }) => pattern === undefined || patternsFor(upstream, [pattern]).length > 0,
    ),
  }));
}

/** Where tools are known, what rules say of names shows there; where they are frozen, there is nothing else. */
function isShown({ kind, upstream, from }: Target, { config, lock }: ExplainGround): boolean {
  if (kind !== "tool" || from === "lock") return true;
  if (config.integrity.mode === "frozen") return false;
  return from === "allow" || !lock.has(upstream);
}

function isMeant({ upstream, name }: Target, pattern: string | undefined): boolean {
  if (pattern === undefined) return true;
  return patternsFor(upstream, [pattern]).some(({ glob }) => globsOverlap(glob, name));
}

function toLines({ client, roles, targets, input }: ClientAccess): readonly string[] {
  const held = roles.length === 0 ? "" : ` (${roles.join(", ")})`;
  const width = Math.min(48, Math.max(0, ...targets.map(({ target }) => target.length)));
  const rows = targets.map((row) =>
    toSafeRow([""], [row.kind, 8], [row.target, width], [`by ${bysOf(row)}${toConditions(row)}`]),
  );
  const asked = input.map(({ upstream, kinds }) =>
    toSafeRow([""], ["input", 8], [upstream, width], [kinds.join(", ")]),
  );
  const nothing = rows.length + asked.length === 0 ? ["  nothing"] : [];
  return [`${client}${held}`, ...rows, ...asked, ...nothing];
}

/** The allow patterns, and whose they are. */
export function bysOf({ allows }: Pick<Reached, "allows">): string {
  return allows
    .map(({ pattern, role }) => (role === undefined ? pattern : `${pattern} of role ${role}`))
    .join(", ");
}

const effects: Readonly<Record<ReachedRule["then"], string>> = {
  deny: "denied",
  ask: "asked",
  set: "arguments set",
  rate: "counted",
  sanitize: "cleaned",
  timeout: "timed",
};

function toConditions({ rules, conflict }: AccessRow): string {
  const texts = rules.map(({ name, then, mode, conditional }) => {
    const shadow = mode === "shadow" ? " in shadow" : "";
    return `${effects[then]}${shadow} ${conditional ? "where" : "by"} ${name}${conditional ? " says so" : ""}`;
  });
  const all = conflict === true ? [...texts, "rules contradict each other"] : texts;
  return all.length === 0 ? "" : `; ${all.join("; ")}`;
}
