/** `mcp-gw access`, and that it says what decisions say. */
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AccessOptions, access } from "../../src/cli/access.ts";
import { crossing } from "../../src/cli/access-targets.ts";
import { naiveMatches } from "../policy/naive.ts";
import { type PolicyFolder, type Ran, configOf, lockOf, openPolicyFolder } from "./policy-files.ts";

const config = configOf(`
  roles: { staff: { allow: { tools: ["files/*"], input: ["pay/elicitation:form"] } } },
  clients: {
    web: { auth: "stdio", roles: ["staff"], allow: { tools: ["pay/get_*"], resources: ["*/file:///public/*"] } },
    idle: { auth: "stdio" },
  },
  rules: [
    rule("large", { on: "pay/get_sum", then: "deny", when: { args: { n: 1 } } }),
    rule("admins", { on: "pay/*_admin", then: "deny" }),
    rule("no-delete", { on: "files/delete", then: "deny" }),
    rule("slow", { on: "files/read", timeoutMs: 5, mode: "shadow" }),
  ],`);
const lock = lockOf({ files: { read: {}, delete: {} } });

let at: PolicyFolder;
beforeEach(async () => {
  at = await openPolicyFolder();
  await at.write({ "gateway.config.ts": config, "gateway.lock.json": lock });
});
afterEach(() => at.close());

function run(options: Partial<AccessOptions> = {}): Promise<Ran> {
  return at.run(access, { json: false, ...options });
}

test("access names what each client reaches, by which patterns and under which rules", async () => {
  expect(await run()).toEqual({
    code: 0,
    err: "",
    out: `web (staff)
  tool      pay/get_*               by pay/get_*
  tool      pay/get_sum             by pay/get_*; denied where large says so
  resource  pay/file:///public/*    by */file:///public/*
  tool      files/read              by files/* of role staff; timed in shadow by slow
  tool      files/*                 by files/* of role staff
  resource  files/file:///public/*  by */file:///public/*
  input     pay                     elicitation:form
idle
  nothing`,
  });
});

test("access shows one client, or what meets one pattern", async () => {
  expect((await run({ client: "idle" })).out).toBe("idle\n  nothing");
  const { out } = await run({ target: "files/re*", json: true });
  const { clients } = JSON.parse(out) as {
    clients: { client: string; targets: { target: string; isPattern: boolean }[]; input: [] }[];
  };
  expect(clients.map(({ targets }) => targets.map(({ target }) => target))).toEqual([
    ["files/read", "files/*"],
    [],
  ]);
  expect(clients[0]?.input).toEqual([]);
  expect((await run({ client: "wb" })).err).toBe('There is no client "wb" (did you mean "web"?)');
  expect((await run({ target: "files" })).code).toBe(2);
});

test("access of a frozen gateway names no tool that is not locked", async () => {
  await at.write({ "gateway.config.ts": config.replace("roles:", 'integrity: "frozen", roles:') });
  const { out } = await run({ client: "web" });
  expect(out).toContain("files/read");
  expect(out).not.toContain("tool      files/*");
  expect(out).not.toContain("pay/get_");
});

test("where two patterns meet there is a name that both match", () => {
  const glob = fc.string({ unit: fc.constantFrom("*", "a", "b"), maxLength: 6 });
  const names = ["", ..."ab", "aa", "ab", "ba", "bb", "aab", "aba", "bab", "abb", "abab"];
  fc.assert(
    fc.property(glob, glob, (a, b) => {
      const met = crossing(a, b);
      const isMet = names.some((name) => naiveMatches(a, name) && naiveMatches(b, name));
      if (isMet) expect(met).toBeDefined();
      for (const fill of ["", "a", "b"]) {
        const name = met?.replaceAll("*", fill);
        if (name !== undefined) {
          expect([naiveMatches(a, name), naiveMatches(b, name)]).toEqual([true, true]);
        }
      }
    }),
    { numRuns: 1_000 },
  );
});
