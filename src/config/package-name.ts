/** The `name@version` of a package: one version of npm's registry and nothing else. */

export interface PackageName {
  readonly name: string;
  readonly version: string;
}

const part = "[A-Za-z0-9][A-Za-z0-9._~-]*";
const nameShape = new RegExp(`^(@${part}/)?${part}$`);
const number = "(0|[1-9][0-9]{0,9})";
const versionShape = new RegExp(
  `^${number}\\.${number}\\.${number}(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$`,
);
const maxLength = 214;

/** Undefined for a range, a tag, a folder, a git or web address: what they mean changes. */
export function parsePackageName(text: string): PackageName | undefined {
  const { name, version } = splitPackageName(text);
  return isPackageName(name) && versionShape.test(version) ? { name, version } : undefined;
}

/** At the `@` that is not a scope's. */
export function splitPackageName(text: string): PackageName {
  const at = text.indexOf("@", 1);
  return at === -1
    ? { name: text, version: "" }
    : { name: text.slice(0, at), version: text.slice(at + 1) };
}

export function isPackageName(name: string): boolean {
  return name.length <= maxLength && nameShape.test(name);
}
