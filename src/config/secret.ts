/** Where a secret comes from; its value is read at each load and never stands in the config. */

/** A secret that lives in a file; `create` makes a random one, mode 0600, where there is none. */
export interface SecretFile {
  readonly file: string;
  readonly create?: boolean;
}
/** A secret that a program prints, for vaults and key chains. */
export interface SecretCommand {
  readonly command: readonly string[];
}
/** What `secret()` gives, and what JSON writes by hand: `{ "secret": "NAME" }`. */
export interface SecretRef {
  readonly secret: string | SecretFile | SecretCommand;
}

/**
 * Names a secret: `secret("NAME")` is the environment variable `NAME`, or the file that `NAME_FILE`
 * names; `secret({ file })` a file relative to the config; `secret({ command })` what a program
 * prints. A line break at the end is cut.
 */
export function secret(from: SecretRef["secret"]): SecretRef {
  return { secret: from };
}

export function isSecretRef(value: unknown): value is SecretRef {
  if (!isRecord(value) || !hasOnly(value, ["secret"])) return false;
  const from = value["secret"];
  if (typeof from === "string") return from !== "";
  if (!isRecord(from)) return false;
  if ("command" in from) return hasOnly(from, ["command"]) && isCommand(from["command"]);
  const { file, create } = from;
  return (
    hasOnly(from, ["file", "create"]) &&
    typeof file === "string" &&
    file !== "" &&
    (create === undefined || typeof create === "boolean")
  );
}

function isCommand(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((part) => typeof part === "string")
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasOnly(value: object, keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key));
}
