/** Ends what is left of our children where this process is killed, and can do nothing itself any more. */
import { spawn as start } from "node:child_process";
import process from "node:process";
import type { Writable } from "node:stream";

export interface Guard {
  /** This process group ends with us. */
  readonly open: (group: number) => void;
  readonly over: (group: number) => void;
}

/** Its input ends when its owner does. The groups that are left then are asked to end, and made to. */
const script = `
groups=
while read -r word group; do
  rest=
  for each in $groups; do [ "$each" = "$group" ] || rest="$rest $each"; done
  [ "$word" = open ] && rest="$rest $group"
  groups=$rest
done
[ -n "$groups" ] || exit 0
for each in $groups; do kill -s TERM -- "-$each" 2>/dev/null; done
sleep 2
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
`;

/** A shell that waits while there are children; where there is no shell, they are not guarded. */
export function createGuard(): Guard {
  const groups = new Set<number>();
  let input: Writable | undefined;
  return {
    open: (group) => {
      groups.add(group);
      input ??= startShell();
      input.write(`open ${group}\n`);
    },
    over: (group) => {
      if (!groups.delete(group)) return;
      input?.write(`over ${group}\n`);
      if (groups.size > 0) return;
      input?.end();
      input = undefined;
    },
  };
}

/** In a group of its own, so that what is meant for ours does not reach it. */
function startShell(): Writable {
  const shell = start("/bin/sh", ["-c", script], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // A shell that cannot be started, or was ended, is one less; the children live without it.
  for (const each of [shell, shell.stdin]) each.on("error", () => undefined);
  shell.unref();
  if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();
  return shell.stdin;
}
