/** `mcp-gw explain`: whether a call would be allowed, and the chain that decides it. */
import { defineCommand } from "citty";
import { toLineText } from "../audit/index.ts";
import { resolvePath, suggest } from "../config/index.ts";
import type { Block, CallWish } from "../core/index.ts";
import { type CallExplanation, explainCall } from "../gateway.ts";
import { createBlockIndex } from "../policy/index.ts";
import { openRuntime } from "../runtime/index.ts";
import { listBlocks } from "./admin-blocks.ts";
import { type AdminRuntime, withAdmin } from "./admin-way.ts";
import { allFiles, toReadFault } from "./audit-files.ts";
import { toConfigArgs } from "./config-args.ts";
import {
  type GroundOptions,
  type GroundRuntime,
  type OfflineGround,
  openExplainGround,
} from "./explain-ground.ts";
import { toExplanationLines } from "./explain-output.ts";
import { type RecordedCall, findRecorded } from "./explain-recorded.ts";
import { type CallWords, toCallWish } from "./explain-words.ts";
import { type Output, consoleOutput } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";

export const explainCommand = defineCommand({
  meta: {
    name: "explain",
    description:
      "Whether a call would be allowed, and why. Example: mcp-gw explain --client web-app --call payments/send --args '{\"amount\":120}'",
  },
  args: {
    id: {
      type: "positional",
      description: "A recorded call, by the id that the client was told as requestId",
      valueHint: "REQUEST_ID",
      required: false,
    },
    client: { type: "string", description: "The client's name", valueHint: "NAME" },
    call: {
      type: "string",
      description: "What is called, as the config writes it",
      valueHint: "UPSTREAM/NAME",
    },
    kind: { type: "string", description: "tool (the default), resource or prompt" },
    args: { type: "string", description: "The arguments", valueHint: "JSON" },
    subject: { type: "string", description: "Who stands behind the client" },
    address: { type: "string", description: "Where the client calls from" },
    ...toConfigArgs("The config"),
    json: { type: "boolean", description: "Print the explanation as JSON", default: false },
  },
  run: async ({ args }) =>
    explain({ ...args, envFile: args["env-file"] }, await openRuntime(), consoleOutput),
});

export interface ExplainOptions extends CallWords, GroundOptions {
  readonly id?: string | undefined;
  readonly json: boolean;
}
export type ExplainRuntime = GroundRuntime & AdminRuntime;

/** The exit code: 0 allowed, 1 denied, asked or not to be decided for sure, 2 wrong usage. */
export async function explain(
  options: ExplainOptions,
  runtime: ExplainRuntime,
  output: Output,
): Promise<number> {
  const wrong = (fault: string): 2 => {
    output.err(toSafeLine(fault, 400));
    return 2;
  };
  const { id } = options;
  const words = [options.client, options.call, options.args, options.kind];
  if (id !== undefined && words.some((word) => word !== undefined)) {
    return wrong("A recorded call is named by its id alone");
  }
  const wish = id === undefined ? toCallWish(options) : undefined;
  if (wish !== undefined && "fault" in wish) return wrong(wish.fault);
  const blocks = await readBlocks(options, runtime);
  const find = createBlockIndex(blocks ?? []);
  const ground = await openExplainGround(options, runtime, output, (caller, thing) =>
    find(caller, thing, runtime.clock.now()),
  );
  if (ground === undefined) return 2;
  const note = blocks === undefined ? [noBlocks] : [];
  if (wish !== undefined) {
    const names = Object.keys(ground.config.clients);
    if (!names.includes(wish.client)) {
      const meant = suggest(wish.client, names);
      return wrong(
        `There is no client "${wish.client}"${meant === undefined ? "" : ` (${meant})`}`,
      );
    }
    return print(decide(wish, ground, note), undefined, options, output);
  }
  const recorded = await read(ground, id ?? "", runtime);
  if ("fault" in recorded) return wrong(recorded.fault);
  return print(decide(recorded.wish, ground, note), { ...recorded, ground }, options, output);
}

const noBlocks = "No gateway that runs here told its blocks, so none is counted";

function decide(wish: CallWish, ground: OfflineGround, notes: readonly string[]): CallExplanation {
  const told = explainCall(wish, ground);
  return { ...told, notes: [...told.notes, ...notes] };
}

/** Of the gateway that runs on the config; undefined where none does, or does not say. */
async function readBlocks(
  { config }: GroundOptions,
  runtime: AdminRuntime,
): Promise<readonly Block[] | undefined> {
  let blocks: readonly Block[] | undefined;
  const silent: Output = { out: () => undefined, err: () => undefined };
  await withAdmin({ config }, runtime, silent, async (send) => {
    const found = await listBlocks(send);
    if ("fault" in found) return found;
    blocks = found;
    return 0;
  });
  return blocks;
}

async function read(
  { loaded }: OfflineGround,
  id: string,
  { files }: ExplainRuntime,
): Promise<RecordedCall | { readonly fault: string }> {
  const file = resolvePath(loaded.folder, loaded.config.audit.file);
  try {
    return await findRecorded(files, allFiles(files, file), id);
  } catch (error) {
    const fault = toReadFault(file, error);
    if (fault === undefined) throw error;
    return { fault };
  }
}

/** These look at no argument. */
const sureCodes: ReadonlySet<string | undefined> = new Set([
  "POLICY_DENIED",
  "BLOCKED",
  "QUARANTINED",
]);

function print(
  told: CallExplanation,
  recorded: (RecordedCall & { readonly ground: OfflineGround }) | undefined,
  { json }: ExplainOptions,
  { out }: Output,
): number {
  const isSure =
    recorded === undefined || recorded.isWhole || (recorded.isNamed && sureCodes.has(told.code));
  const { code, why, ...chain } = told;
  const shown = isSure ? told : { ...chain, verdict: "unknown" };
  const then = recorded && toThen(recorded, recorded.ground);
  if (json) {
    out(toLineText(JSON.stringify({ ...shown, ...(then && { recorded: then }) })));
  } else {
    const verdict = isSure ? told.verdict : "not to be decided for sure";
    const reason = isSure ? { ...(code && { code }), ...(why && { why }) } : {};
    const notes = isSure ? told.notes : [...told.notes, unsure];
    for (const line of toExplanationLines({ ...chain, ...reason, notes }, verdict)) out(line);
    if (then) out(toThenLine(then));
  }
  return isSure && told.verdict === "allowed" ? 0 : 1;
}

const unsure =
  "What was recorded of the call is not all of it (cut, cleaned, forgotten or left out), so what is said of its arguments may be wrong";

interface Then extends Pick<RecordedCall, "time" | "decision"> {
  readonly code?: string;
  readonly sameConfig: boolean;
}

function toThen({ time, decision, code, config }: RecordedCall, { loaded }: OfflineGround): Then {
  return { time, decision, ...(code && { code }), sameConfig: config === loaded.digest };
}

function toThenLine({ time, decision, code, sameConfig }: Then): string {
  const was = [decision, code].filter((part) => part !== undefined).join(", ");
  const under = sameConfig ? "this config" : "another config";
  return `  then   ${toSafeLine(`${was} at ${time}, under ${under}`, 400)}`;
}
