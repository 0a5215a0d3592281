/** What is wrong with a config, and where: every fault at once, none of them holding a secret. */

export type PathKey = string | number;

/** A fault found in the data; where it stands in the file is found out afterwards. */
export interface Finding {
  readonly level: "error" | "warning";
  readonly path: readonly PathKey[];
  readonly message: string;
  readonly suggestion?: string;
}

export interface Fault {
  readonly level: "error" | "warning";
  /** Where in the config: `clients.web-app.rate`, `rules[0].on`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** What was probably meant, or what to write instead. */
  readonly suggestion?: string;
  readonly file?: string;
  /** Counted from 1, where it can be had. */
  readonly line?: number;
}

export function finding(
  level: Finding["level"],
  path: readonly PathKey[],
  message: string,
  suggestion?: string,
): Finding {
  return suggestion === undefined ? { level, path, message } : { level, path, message, suggestion };
}

export function toFault(found: Finding, place: { file?: string; line?: number } = {}): Fault {
  const { path, ...rest } = found;
  return { ...rest, path: formatPath(path), ...place };
}

/** `clients.web-app.rate`, `rules[0].on`, `clients["a.b"].auth`. */
export function formatPath(path: readonly PathKey[]): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else if (/^[\w-]+$/.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

export function hasErrors(faults: readonly Pick<Fault, "level">[]): boolean {
  return faults.some((fault) => fault.level === "error");
}
