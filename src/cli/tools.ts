/** `mcp-gw tools ls|inspect|call`: what a gateway, or one of its servers, has for a client. */
import { defineCommand } from "citty";
import { type Runtime, openRuntime } from "../runtime/index.ts";
import { toConfigArgs } from "./config-args.ts";
import { type Output, consoleOutput } from "./output.ts";
import { openToolServer } from "./tool-way.ts";
import { callTool, inspectTool, listTools } from "./tool-run.ts";

const where = {
  url: {
    type: "string",
    description: "The gateway (default: the one that runs on the config)",
    valueHint: "URL",
  },
  token: {
    type: "string",
    description: "The client's token, seen by every user of this machine; better in MCP_GW_TOKEN",
    valueHint: "TOKEN",
  },
  client: {
    type: "string",
    description: "A client whose token the config holds",
    valueHint: "NAME",
  },
  upstream: {
    type: "string",
    description: "This upstream alone, under its own names (default: all)",
    valueHint: "NAME",
  },
  direct: {
    type: "boolean",
    description:
      "Ask the upstream itself, past the gateway: no policy, nothing cleaned or recorded",
    default: false,
  },
  ...toConfigArgs("The config"),
} as const;
const name = {
  type: "positional",
  description: "The tool, as `ls` shows it",
  required: false,
} as const;

interface Given {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly client?: string | undefined;
  readonly upstream?: string | undefined;
  readonly direct: boolean;
  readonly config?: string | undefined;
  readonly "env-file"?: string | undefined;
}

export const toolsCommand = defineCommand({
  meta: { name: "tools", description: "List, inspect and call tools" },
  subCommands: {
    ls: defineCommand({
      meta: {
        name: "ls",
        description: "The tools that a client sees. Example: mcp-gw tools ls --client web-app",
      },
      args: {
        ...where,
        json: { type: "boolean", description: "Print the definitions", default: false },
      },
      run: ({ args }) =>
        withServer(args, async (server, output) => listTools(server, { json: args.json }, output)),
    }),
    inspect: defineCommand({
      meta: {
        name: "inspect",
        description:
          "One definition, whole. Example: mcp-gw tools inspect query --upstream database --direct",
      },
      args: {
        name,
        ...where,
        json: { type: "boolean", description: "Print the definition as it is", default: false },
      },
      run: ({ args }) =>
        withServer(args, async (server, output) =>
          inspectTool(server, args.name, { json: args.json }, output),
        ),
    }),
    call: defineCommand({
      meta: {
        name: "call",
        description:
          'Calls a tool. Example: mcp-gw tools call weather__current --client web-app --args \'{"city":"Bern"}\'',
      },
      args: {
        name,
        args: {
          type: "string",
          description: "The arguments, a JSON object; @FILE or - for standard input (default: {})",
          valueHint: "JSON",
        },
        timeout: {
          type: "string",
          description: "Milliseconds until it is given up (default: 60000)",
          valueHint: "MS",
        },
        ...where,
        json: { type: "boolean", description: "Print the whole result", default: false },
      },
      run: ({ args }) =>
        withServer(args, async (server, output, runtime) =>
          callTool(server, { ...args, timeout: args.timeout ?? "60000" }, runtime, output),
        ),
    }),
  },
});

type Act = (
  server: Parameters<typeof listTools>[0],
  output: Output,
  runtime: Runtime,
) => Promise<number>;

async function withServer(given: Given, act: Act): Promise<number> {
  const runtime = await openRuntime();
  const opened = await openToolServer({ ...given, envFile: given["env-file"] }, runtime);
  if ("fault" in opened) {
    consoleOutput.err(opened.fault);
    return 2;
  }
  try {
    return await act(opened, consoleOutput, runtime);
  } finally {
    await opened.close();
  }
}
