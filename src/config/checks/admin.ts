/** The admin listener: nobody reaches it from elsewhere without a token of their own. */
import { hostsOverlap, isLoopbackHost } from "../address.ts";
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Checked } from "./subject.ts";

export function checkAdmin({ config }: Checked): readonly Finding[] {
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
  return findings;
}
