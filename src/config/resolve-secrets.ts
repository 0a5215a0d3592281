/** Reads each secret that a config names, and puts a `Secret` where its name stood. */
import { Secret } from "../core/index.ts";
import { finding } from "./fault.ts";
import type { Finding, PathKey } from "./fault.ts";
import { resolvePath } from "./path.ts";
import type { ConfigPorts } from "./ports.ts";
import { isSecretRef } from "./secret.ts";
import type { SecretFile, SecretRef } from "./secret.ts";

export interface SecretSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly ports: ConfigPorts;
  /** `warn` reads only: it makes no file, and a secret that is not there is a warning. */
  readonly missingSecrets: "fault" | "warn";
}

/** Elsewhere `{ secret: … }` is data: a condition may test an argument of that name. */
const places: readonly (readonly string[])[] = [
  ["clients", "*", "auth", "token"],
  ["clients", "*", "auth", "*", "token"],
  ["upstreams", "*", "headers", "*"],
  ["upstreams", "*", "env", "*"],
];

export interface ResolvedSecrets {
  readonly input: unknown;
  readonly findings: readonly Finding[];
}

export async function resolveSecrets(
  input: unknown,
  settings: SecretSettings,
): Promise<ResolvedSecrets> {
  const findings: Finding[] = [];
  const read = new Map<string, Promise<ReadSecret>>();

  const resolve = async (ref: SecretRef, path: readonly PathKey[]): Promise<Secret> => {
    const id = JSON.stringify(ref);
    const reading = read.get(id) ?? readSecret(ref, settings);
    read.set(id, reading);
    const { secret, missing, wrong, hint } = await reading;
    const level = settings.missingSecrets === "warn" ? "warning" : "error";
    if (missing !== undefined) findings.push(finding(level, path, missing, hint));
    if (wrong !== undefined) findings.push(finding("error", path, wrong));
    return secret;
  };
  const walk = async (
    value: unknown,
    path: readonly PathKey[],
    open: readonly (readonly string[])[],
  ): Promise<unknown> => {
    if (open.some((place) => place.length === 0)) {
      return isSecretRef(value) ? await resolve(value, path) : value;
    }
    if (open.length === 0 || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const [index, item] of value.entries()) {
        items.push(await walk(item, [...path, index], follow(open, "*")));
      }
      return items;
    }
    const copy = Object.create(null) as Record<string, unknown>;
    for (const [key, item] of Object.entries(value)) {
      copy[key] = await walk(item, [...path, key], follow(open, key));
    }
    return copy;
  };
  return { input: await walk(input, [], places), findings };
}

function follow(open: readonly (readonly string[])[], key: string): readonly (readonly string[])[] {
  return open.filter(([next]) => next === "*" || next === key).map((place) => place.slice(1));
}

interface ReadSecret {
  readonly secret: Secret;
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
  if ("value" in found) return { secret: new Secret(found.value) };
  // What stands in for a secret that is not there can be guessed by nobody.
  return { secret: new Secret(settings.ports.randomToken()), ...found };
}

type Found = { readonly value: string } | Omit<ReadSecret, "secret">;

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

async function fromFile({ file, create }: SecretFile, settings: SecretSettings): Promise<Found> {
  const { ports, folder, missingSecrets } = settings;
  const path = resolvePath(folder, file);
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
