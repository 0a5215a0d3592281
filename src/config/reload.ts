/** What keeps a config from taking the place of the one that runs. */
import { whyReached } from "./checks/exposure.ts";
import { finding, toFault } from "./fault.ts";
import type { Fault, Finding } from "./fault.ts";
import type { LoadedConfig } from "./load.ts";
import type { Config } from "./schema.ts";
import { isSameSetting } from "./same-setting.ts";

export type Reloadable = Pick<LoadedConfig, "config" | "file" | "folder">;

/**
 * With an error in it, `before` has to go on. Attack: whoever can write the file, or slips while
 * writing it, opens a running gateway to everybody. So a reload takes no client's token away and
 * lets nobody reach an anonymous client; a restart, which somebody has to want, still can.
 */
export function checkReload(before: Reloadable, after: Reloadable): readonly Fault[] {
  const findings = [
    ...checkPlaces(before, after),
    ...checkAuthentication(before.config, after.config),
    ...checkKeys(before.config, after.config),
  ];
  return findings.map((found) => toFault(found, after.file === "" ? {} : { file: after.file }));
}

/** Files, sockets and connections that are opened once, when the gateway starts. */
function checkPlaces(before: Reloadable, after: Reloadable): readonly Finding[] {
  const findings: Finding[] = [];
  const fix = (path: readonly string[], old: unknown, next: unknown): void => {
    if (isSameSetting(old, next)) return;
    const what = path.length === 0 ? "The config's folder" : "This";
    const message = `${what} cannot change while the gateway runs`;
    findings.push(finding("error", path, message, "restart it, or put the old value back"));
  };
  const [old, next] = [before.config, after.config];
  fix([], before.folder, after.folder);
  fix(["listen", "host"], old.listen.host, next.listen.host);
  fix(["listen", "port"], old.listen.port, next.listen.port);
  // A certificate may move; whether there is one decides what the socket speaks.
  fix(["listen", "tls"], old.listen.tls === undefined, next.listen.tls === undefined);
  fix(["store"], old.store, next.store);
  fix(["audit", "file"], old.audit.file, next.audit.file);
  if (old.admin === false || next.admin === false) fix(["admin"], old.admin, next.admin);
  else {
    fix(["admin", "host"], old.admin.host, next.admin.host);
    fix(["admin", "port"], old.admin.port, next.admin.port);
  }
  return findings;
}

function checkAuthentication(before: Config, after: Config): readonly Finding[] {
  const findings: Finding[] = [];
  const reached = whyReached({ ...after, listen: before.listen });
  for (const [name, { auth }] of Object.entries(after.clients)) {
    if (auth !== "anonymous") continue;
    const path = ["clients", name, "auth"];
    const old = before.clients[name]?.auth;
    if (old !== undefined && old !== "anonymous") {
      const message = `"${name}" would need no token any more`;
      findings.push(finding("error", path, message, "leave its auth as it was, or restart"));
    }
    if (reached !== undefined) {
      const message = `An anonymous client exists only on loopback, and ${reached}`;
      findings.push(finding("error", path, message, "give it a token"));
    }
  }
  return findings;
}

/** Without keys a process has one of its own, which ends with the first that is named. */
function checkKeys(before: Config, after: Config): readonly Finding[] {
  if (isSameSetting(before.keys, after.keys)) return [];
  const old = new Set(before.keys.map((key) => key.reveal()));
  if (after.keys.some((key) => old.has(key.reveal()))) return [];
  const message = "No key of before is left: every session, state and task that is open ends";
  return [finding("warning", ["keys"], message, "leave the old key in the list for a day")];
}
