/** Reads each secret that a config names, and puts a `Secret` where its name stood. */
import { Secret } from "../core/index.ts";
import { finding } from "./fault.ts";
import type { Finding, PathKey } from "./fault.ts";
import { resolvePath } from "./path.ts";
import type { ConfigPorts } from "./ports.ts";
import { configSchema } from "./schema.ts";
import { secretNodes } from "./schema-leaves.ts";
import { type SchemaNode, childNode, nodeFor } from "./schema-node.ts";
import { isSecretRef } from "./secret.ts";
import type { SecretFile, SecretRef } from "./secret.ts";

export interface SecretSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly ports: ConfigPorts;
  /** `warn` reads only: it makes no file, and a secret that is not there is a warning. */
  readonly missingSecrets: "fault" | "warn";
}

export interface ResolvedSecrets {
  readonly input: unknown;
  readonly findings: readonly Finding[];
  /** The files that were read, or would be where they are missing; absolute. */
  readonly files: readonly string[];
}

/** Reads secrets where the schema has them; elsewhere `{ secret: … }` is data, e.g. of a condition. */
export async function resolveSecrets(
  input: unknown,
  settings: SecretSettings,
): Promise<ResolvedSecrets> {
  const findings: Finding[] = [];
  const read = new Map<string, Promise<ReadSecret>>();
  const files = new Set<string>();

  const resolve = async (ref: SecretRef, path: readonly PathKey[]): Promise<Secret> => {
    const id = JSON.stringify(ref);
    const reading = read.get(id) ?? readSecret(ref, settings);
    read.set(id, reading);
    const { secret, file, missing, wrong, hint } = await reading;
    if (file !== undefined) files.add(file);
    const level = settings.missingSecrets === "warn" ? "warning" : "error";
    if (missing !== undefined) findings.push(finding(level, path, missing, hint));
    if (wrong !== undefined) findings.push(finding("error", path, wrong));
    return secret;
  };
  const walk = async (
    around: SchemaNode,
    value: unknown,
    path: readonly PathKey[],
  ): Promise<unknown> => {
    const node = nodeFor(around, value);
    if (secretNodes.has(node)) return isSecretRef(value) ? await resolve(value, path) : value;
    if (typeof value !== "object" || value === null || value instanceof Secret) return value;
    const part = async (item: unknown, key: PathKey): Promise<unknown> => {
      const child = childNode(node, key);
      return child === undefined ? item : await walk(child, item, [...path, key]);
    };
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) items.push(await part(item, index));
      return items;
    }
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [key, item] of Object.entries(value)) copy[key] = await part(item, key);
    return copy;
  };
  const resolved = await walk(configSchema as unknown as SchemaNode, input, []);
  return { input: resolved, findings, files: [...files] };
}

interface ReadSecret {
  readonly secret: Secret;
  /** Where it stands, or would. */
  readonly file?: string;
  readonly missing?: string;
  readonly wrong?: string;
  /** What helps where it is missing. */
  readonly hint?: string;
}

async function readSecret(ref: SecretRef, settings: SecretSettings): Promise<ReadSecret> {
  const from = ref.secret;
  const found =
    typeof from === "string"
      ? await fromEnvironment(from, settings)
      : "file" in from
        ? await fromFile(from, settings)
        : await fromCommand(from.command, settings);
  if ("value" in found) {
    const { value, ...where } = found;
    return { secret: new Secret(value), ...where };
  }
  // What stands in for a secret that is not there can be guessed by nobody.
  return { secret: new Secret(settings.ports.randomToken()), ...found };
}

type Found = { readonly value: string; readonly file?: string } | Omit<ReadSecret, "secret">;

async function fromEnvironment(name: string, settings: SecretSettings): Promise<Found> {
  const value = settings.env[name];
  if (value !== undefined && value !== "") return { value };
  const file = settings.env[`${name}_FILE`];
  if (file !== undefined && file !== "") return await fromFile({ file }, settings);
  const not = value === "" ? "is empty" : "is not set";
  return {
    missing: `The environment variable "${name}" ${not}`,
    hint: "set it, or write it into .env beside the config",
  };
}

async function fromFile(from: SecretFile, settings: SecretSettings): Promise<Found> {
  const path = resolvePath(settings.folder, from.file);
  return { ...(await readFile(from, path, settings)), file: path };
}

async function readFile(
  { file, create }: SecretFile,
  path: string,
  { ports, missingSecrets }: SecretSettings,
): Promise<Found> {
  try {
    const text = await ports.readText(path);
    if (text !== undefined) return notEmpty(text, `The file "${file}" is empty`);
    if (create !== true) return { missing: `There is no file "${file}"` };
    if (missingSecrets === "warn") return {};
  } catch {
    return { wrong: `Cannot read the file "${file}"` };
  }
  return await createFile(file, path, ports);
}

async function createFile(file: string, path: string, ports: ConfigPorts): Promise<Found> {
  const value = ports.randomToken();
  try {
    await ports.writeNew(path, `${value}\n`);
    return { value };
  } catch {
    // Another process may have made it a moment before.
    const text = await ports.readText(path).catch(() => undefined);
    if (text === undefined) return { wrong: `Cannot create the file "${file}"` };
    return notEmpty(text, `The file "${file}" is empty`);
  }
}

async function fromCommand(command: readonly string[], { ports }: SecretSettings): Promise<Found> {
  const program = command[0] ?? "";
  try {
    return notEmpty(await ports.run(command), `The command "${program}" printed nothing`);
  } catch {
    // Its message may hold what the program printed.
    return { wrong: `The command "${program}" failed` };
  }
}

function notEmpty(text: string, missing: string): Found {
  const value = text.replace(/\r?\n$/, "");
  return value === "" ? { missing } : { value };
}
