/** `mcp-gw audit tail|query|verify`: what happened, for people and for scripts. */
import { defineCommand } from "citty";
import type { AuditFilter } from "../audit/index.ts";
import { parseMoment } from "../audit/index.ts";
import { openAuditGround } from "./audit-ground.ts";
import { allFiles, type AuditFiles, oneFile, toReadFault } from "./audit-files.ts";
import {
  type AuditGround,
  type Found,
  queryAudit,
  tailAudit,
  verifyFiles,
} from "./audit-output.ts";

/** Opens the outside for one run; the config is read only where `auditFile` is asked for. */
export type OpenAuditGround = (configFile: string | undefined) => Promise<AuditGround>;

const where = {
  file: {
    type: "string",
    description:
      "This audit file alone (default: audit.file of the config, with those of its other processes)",
    valueHint: "FILE",
  },
  config: {
    type: "string",
    description: "The config that names the audit file",
    valueHint: "FILE",
  },
} as const;
const json = {
  type: "boolean",
  description: "Print the records as they are in the file",
  default: false,
} as const;
const decisions = ["allowed", "denied", "asked", "failed", "cancelled"] as const;

const filters = {
  id: { type: "string", description: "The exchange's id, which the client was told as requestId" },
  kind: { type: "string", description: "exchange, admin, config, lock, start or stop" },
  client: { type: "string", description: "The client's name" },
  subject: { type: "string", description: "Who stood behind the client, or the operator" },
  decision: { type: "string", description: decisions.join(", ") },
  code: { type: "string", description: "The code of the refusal" },
  method: { type: "string", description: "The method, such as tools/call" },
  upstream: { type: "string", description: "The upstream's name" },
  target: { type: "string", description: "The tool, prompt or URI, also as upstream/name" },
} as const;

/** Each run gives its exit code; a `*` in a filter stands for any run of characters. */
export function createAuditCommand(open: OpenAuditGround) {
  return defineCommand({
    meta: { name: "audit", description: "Read and check the audit file" },
    subCommands: {
      tail: createTail(open),
      query: createQuery(open),
      verify: createVerify(open),
    },
  });
}

export const auditCommand = createAuditCommand(openAuditGround);

function createTail(open: OpenAuditGround) {
  return defineCommand({
    meta: {
      name: "tail",
      description: "The newest records. Example: mcp-gw audit tail -n 50 --follow",
    },
    args: {
      lines: { type: "string", alias: "n", description: "How many", default: "20" },
      follow: { type: "boolean", alias: "f", description: "Go on with new ones", default: false },
      ...where,
      json,
    },
    run: ({ args }) =>
      runWith(open, args, async (ground, record) => {
        const count = toCount(args.lines);
        if (count === undefined) return wrong(ground, "-n", args.lines, "a number such as 20");
        return tailAudit(ground, record, { count, follow: args.follow, json: args.json });
      }),
  });
}

function createQuery(open: OpenAuditGround) {
  return defineCommand({
    meta: {
      name: "query",
      description:
        "Records that fit every filter. Example: mcp-gw audit query --client web-app --decision denied --since 1h",
    },
    args: {
      ...filters,
      since: { type: "string", description: "From then on: 15m, 1h, 7d ago, or an ISO time" },
      until: { type: "string", description: "Before then, in the same forms" },
      limit: { type: "string", description: "At most so many, the oldest ones" },
      ...where,
      json,
    },
    run: ({ args }) =>
      runWith(open, args, async (ground, record) => {
        const limit = args.limit === undefined ? Infinity : toCount(args.limit);
        if (limit === undefined)
          return wrong(ground, "--limit", args.limit, "a number such as 100");
        if (args.decision !== undefined && !isDecision(args.decision))
          return wrong(ground, "--decision", args.decision, `one of ${decisions.join(", ")}`);
        const moments: { since?: number; until?: number } = {};
        for (const name of ["since", "until"] as const) {
          const text = args[name];
          if (text === undefined) continue;
          const moment = parseMoment(text, ground.clock.now());
          if (moment === undefined)
            return wrong(
              ground,
              `--${name}`,
              text,
              "a span such as 1h or a time such as 2026-03-01T12:00:00Z",
            );
          moments[name] = moment;
        }
        const filter: AuditFilter = { ...pick(args), ...moments };
        return queryAudit(ground, record, { filter, limit, json: args.json });
      }),
  });
}

function createVerify(open: OpenAuditGround) {
  return defineCommand({
    meta: {
      name: "verify",
      description:
        "Follow the chain of each file: is every record there and unchanged? Example: mcp-gw audit verify audit.jsonl",
    },
    args: {
      path: { type: "positional", description: "The file", valueHint: "FILE", required: false },
      ...where,
      json: { ...json, description: "Print { file, ok, records, … }, a line for each file" },
    },
    run: ({ args }) =>
      runWith(open, { ...args, file: args.path ?? args.file }, (ground, record) =>
        verifyFiles(ground, record, { json: args.json }),
      ),
  });
}

async function runWith(
  open: OpenAuditGround,
  args: { readonly file?: string | undefined; readonly config?: string | undefined },
  run: (ground: AuditGround, record: AuditFiles) => Promise<Found>,
): Promise<Found> {
  const ground = await open(args.config);
  const path = args.file ?? (await ground.auditFile());
  if (path === undefined) return 2;
  const record =
    args.file === undefined ? allFiles(ground.files, path) : oneFile(ground.files, path);
  try {
    return await run(ground, record);
  } catch (error) {
    const fault = toReadFault(path, error);
    if (fault === undefined) throw error;
    ground.complain(fault);
    return 2;
  }
}

/** What the decision of a record may be; a `*` stands for any run of characters. */
function isDecision(text: string): boolean {
  return text.includes("*") || decisions.some((decision) => decision === text);
}

function toCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function wrong(ground: AuditGround, name: string, value: unknown, wanted: string): 2 {
  ground.complain(`Cannot read ${name} ${JSON.stringify(value)}: it must be ${wanted}`);
  return 2;
}

function pick(args: { readonly [name in keyof typeof filters]?: string | undefined }): AuditFilter {
  const { id, kind, client, subject, decision, code, method, upstream, target } = args;
  return { id, kind, client, subject, decision, code, method, upstream, target };
}
