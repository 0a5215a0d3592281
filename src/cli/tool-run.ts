/** The tools commands, once it is known whom they speak to. Each gives its exit code. */
import { resolvePath, suggest } from "../config/index.ts";
import { type JsonObject, isObject, member, parseJson, textOf } from "../mcp/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { elicit } from "./elicit.ts";
import { whyFailed } from "./mcp-client.ts";
import type { Output } from "./output.ts";
import { toSafeLine } from "./safe-text.ts";
import {
  toNotificationText,
  toResultJson,
  toResultText,
  toToolJson,
  toToolTable,
  toToolText,
} from "./tool-output.ts";
import { type Ended, type Tool, type ToolServer, toQuestions } from "./tool-server.ts";

/** A server that asks more often than this asks for ever. */
const maxRounds = 20;

export async function listTools(
  server: ToolServer,
  { json }: { readonly json: boolean },
  { out, err }: Output,
): Promise<number> {
  const tools = await toolsOf(server, err);
  if (tools === undefined) return 1;
  if (json) out(toToolJson(tools));
  else out(tools.length === 0 ? "No tools" : toToolTable(tools));
  return 0;
}

export async function inspectTool(
  server: ToolServer,
  name: string | undefined,
  { json }: { readonly json: boolean },
  { out, err }: Output,
): Promise<number> {
  if (name === undefined) return wrong(err, "Which tool? Its NAME is missing");
  const tools = await toolsOf(server, err);
  if (tools === undefined) return 1;
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) {
    err(unknownText(name, tools));
    return 1;
  }
  out(json ? toToolJson([tool]).slice(2, -2) : toToolText(tool));
  return 0;
}

export interface CallOptions {
  readonly name: string | undefined;
  /** JSON, `@FILE` or `-`. */
  readonly args?: string | undefined;
  readonly timeout: string;
  readonly json: boolean;
}
type CallRuntime = Pick<Runtime, "files" | "cwd" | "readInput" | "terminal">;

export async function callTool(
  server: ToolServer,
  { name, args, timeout, json }: CallOptions,
  runtime: CallRuntime,
  { out, err }: Output,
): Promise<number> {
  if (name === undefined) return wrong(err, "Which tool? Its NAME is missing");
  const deadlineMs = Number(timeout);
  if (!/^\d{1,9}$/.test(timeout) || deadlineMs === 0) {
    return wrong(err, `Cannot read --timeout "${timeout}": it must be milliseconds such as 60000`);
  }
  const given = await readArgs(args ?? "{}", runtime);
  if (typeof given !== "string") return wrong(err, given.fault);
  const tools = await toolsOf(server, err);
  if (tools === undefined) return 1;
  const tool = tools.find((each) => each.name === name);
  const hear = (message: JsonObject): void => {
    const text = toNotificationText(message);
    if (text !== undefined) err(text);
  };
  try {
    let more = "";
    for (let round = 0; round < maxRounds; round++) {
      const ended = await server.call({ tool, name, args: given, deadlineMs, more, hear });
      if (ended.kind === "refused") {
        tellRefusal(ended, err);
        // Whoever has no such tool and whoever may not use it are told the same.
        if (tool === undefined) err(unknownText(name, tools));
        return 1;
      }
      const { result } = ended;
      const questions = toQuestions(result);
      if (questions === undefined) return tellResult(result, json, out);
      const answers: string[] = [];
      for (const { key, params } of questions) {
        if (params === undefined) {
          err("The server asks for something that this command cannot give");
          return 1;
        }
        const answer = await elicit(params, runtime.terminal, err);
        answers.push(`${JSON.stringify(key)}:${JSON.stringify(answer)}`);
      }
      const state = member(result, "requestState");
      more = `,"inputResponses":{${answers.join(",")}}`;
      if (state !== undefined) more += `,"requestState":${textOf(state)}`;
    }
    err(`The server asked ${maxRounds} times and gave no answer`);
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    err(
      isLate
        ? `No answer in ${deadlineMs} ms`
        : `Cannot call: ${toSafeLine(whyFailed(error), 300)}`,
    );
  }
  return 1;
}

function tellResult(result: JsonObject, json: boolean, out: Output["out"]): number {
  out(json ? toResultJson(result) : toResultText(result));
  return member(result, "isError")?.node.type === "true" ? 1 : 0;
}

/** The arguments as they were written, or what is wrong with them. */
async function readArgs(
  given: string,
  { files, cwd, readInput }: CallRuntime,
): Promise<string | { readonly fault: string }> {
  const isFile = given.startsWith("@");
  const where = isFile ? `"${given.slice(1)}"` : given === "-" ? "standard input" : "--args";
  let text = given;
  try {
    if (isFile) text = await files.readText(resolvePath(cwd(), given.slice(1)));
    else if (given === "-") text = await readInput();
  } catch (error) {
    return { fault: `Cannot read ${where}: ${whyFailed(error)}` };
  }
  const parsed = parseJson(text, { strict: true });
  if (!parsed.ok) {
    return {
      fault: `Cannot read ${where}: no good JSON at character ${parsed.at + 1} (${parsed.fault})`,
    };
  }
  if (!isObject(parsed.json)) return { fault: `Cannot use ${where}: arguments are a JSON object` };
  return textOf(parsed.json);
}

async function toolsOf(
  server: ToolServer,
  err: Output["err"],
): Promise<readonly Tool[] | undefined> {
  try {
    const found = await server.list();
    if (!("kind" in found)) return found;
    tellRefusal(found, err);
  } catch (error) {
    err(`Cannot list the tools: ${toSafeLine(whyFailed(error), 300)}`);
  }
  return undefined;
}

function tellRefusal(ended: Ended & { readonly kind: "refused" }, err: Output["err"]): void {
  err(toSafeLine(`${ended.code}: ${ended.message}`, 1_000));
}

function unknownText(name: string, tools: readonly Tool[]): string {
  const meant = suggest(
    name,
    tools.map((tool) => tool.name),
  );
  const line = `There is no tool "${name}" here${meant === undefined ? "" : ` (${meant})`}`;
  return toSafeLine(line, 400);
}

function wrong(err: Output["err"], text: string): 2 {
  err(text);
  return 2;
}
