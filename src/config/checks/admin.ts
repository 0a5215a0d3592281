/** The admin listener: nobody reaches it from elsewhere without a token of their own. */
import { hostsOverlap, isLoopbackHost } from "../address.ts";
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { AdminConfig } from "../schema.ts";
import { suggest } from "../suggest.ts";
import type { Checked } from "./subject.ts";

export function checkAdmin({ clients, config }: Checked): readonly Finding[] {
  const { admin, listen } = config;
  if (admin === false) return [];
  const findings: Finding[] = [];
  if (!isLoopbackHost(admin.host)) {
    const reached = `"${admin.host}" is reached from other machines`;
    const at = ["admin", "host"];
    if (Object.keys(admin.users).length === 0) {
      const hint = "name one under admin.users, or take 127.0.0.1";
      findings.push(finding("error", at, `${reached}, and there is no admin user`, hint));
    }
    if (listen.tls === undefined) {
      const message = `${reached}, and tokens of operators travel unencrypted`;
      findings.push(finding("warning", at, message, "set listen.tls, or take 127.0.0.1"));
    }
  }
  const { port } = admin;
  if (port !== 0 && port === listen.port && hostsOverlap(admin.host, listen.host)) {
    const message = `Is the port of the clients too: ${port}`;
    findings.push(finding("error", ["admin", "port"], message, "take another one"));
  }
  return [...findings, ...checkOwnCallers(admin.users, clients)];
}

/** One that is misspelt would let its operator approve their own calls. */
function checkOwnCallers(
  users: AdminConfig["users"],
  clients: ReadonlySet<string>,
): readonly Finding[] {
  return Object.entries(users).flatMap(([user, { is }]) =>
    is.flatMap((caller, index) => {
      const [client = ""] = caller.split("/", 1);
      if (client === "*" || clients.has(client)) return [];
      const message = `"admin.users.${user}" names the unknown client "${client}"`;
      const path = ["admin", "users", user, "is", index];
      return [finding("error", path, message, suggest(client, clients))];
    }),
  );
}
