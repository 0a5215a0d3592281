/** What the command line says of itself, and of words that it does not know. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runCli } from "../../src/cli/index.ts";

vi.hoisted(() => {
  // Without these the maker of the usage colours it, whoever reads it.
  vi.stubEnv("TEST", undefined);
  vi.stubEnv("CI", undefined);
  vi.stubEnv("NO_COLOR", "yes");
});

const said: string[] = [];
beforeEach(() => {
  said.length = 0;
  for (const name of ["log", "error"] as const) {
    vi.spyOn(console, name).mockImplementation((text: string) => void said.push(text));
  }
});
afterEach(() => vi.restoreAllMocks());

test.each([
  [["chek"], 'There is no command "chek" (did you mean "check"?)'],
  [["token", "crate"], 'There is no command "crate" (did you mean "create"?)'],
  [["check", "--confg=a.ts"], 'There is no option "--confg" (did you mean "--config"?)'],
  [["--xyzzy"], 'There is no option "--xyzzy"'],
  [["check", "more"], '"more" is one word too many'],
  [["audit"], "A command is missing"],
  [["approvals", "approve"], "ID is missing"],
  [["approvals", "deny", "--why", "no"], "ID is missing"],
])("a command line that is wrong says so first, with what was meant: %j", async (args, text) => {
  expect(await runCli(args)).toBe(2);
  expect(said[0]?.split("\n")[0]).toBe(text);
});

test("usage names the whole command, as it is typed", async () => {
  expect(await runCli(["token", "create", "--help"])).toBe(0);
  expect(said[0]).toContain("mcp-gw token create [OPTIONS]");
});

test("usage holds no colours where nobody looks at it on a terminal", async () => {
  expect(await runCli(["--help"])).toBe(0);
  expect(said[0]).not.toContain("\u001B");
});
