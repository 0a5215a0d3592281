/** Paths as text, POSIX and Windows: a path in the config is relative to the config's folder. */

/** `path` as it is seen from `folder`; an absolute path stays what it is. */
export function resolvePath(folder: string, path: string): string {
  if (isAbsolute(path)) return path;
  const windows = isWindows(folder);
  const separator = windows ? "\\" : "/";
  const [root, rest] = splitRoot(folder);
  const parts: string[] = [];
  for (const part of [...split(rest, windows), ...split(path, windows)]) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return root + parts.join(separator) || separator;
}

/** The folder that a file stands in. */
export function folderOf(file: string): string {
  const [root, rest] = splitRoot(file);
  const at = isWindows(file)
    ? Math.max(rest.lastIndexOf("/"), rest.lastIndexOf("\\"))
    : rest.lastIndexOf("/");
  if (at === -1) return root === "" ? "." : root;
  return root + rest.slice(0, at);
}

/** `.json` of `gateway.config.json`, in lower case. */
export function extensionOf(file: string): string {
  return /\.[^./\\]+$/.exec(file)?.[0].toLowerCase() ?? "";
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/") || isWindows(path);
}

function isWindows(path: string): boolean {
  return /^([A-Za-z]:[\\/]|\\\\)/.test(path);
}

function splitRoot(path: string): readonly [root: string, rest: string] {
  const root = /^([A-Za-z]:[\\/]|\\\\|\/)/.exec(path)?.[0] ?? "";
  return [root, path.slice(root.length)];
}

function split(path: string, windows: boolean): readonly string[] {
  return path.split(windows ? /[\\/]/ : "/");
}
