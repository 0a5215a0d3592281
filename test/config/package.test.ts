import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig, parsePackageName } from "../../src/config/index.ts";
import { now, sha256 } from "./fake-ports.ts";

const context = { sha256, now };

function faultsOf(upstream: object): readonly string[] {
  const { faults } = parseConfig({ upstreams: { it: upstream } }, context);
  return faults
    .filter(({ level }) => level === "error")
    .map(({ path, message, suggestion = "" }) => `${path}: ${message} (${suggestion})`);
}

test("a package has the keys of a process, with their defaults", () => {
  const { config } = parseConfig({ upstreams: { it: { package: "@a/b@1.2.3" } } }, context);
  expect(config?.upstreams["it"]).toMatchObject({
    package: "@a/b@1.2.3",
    args: [],
    cwd: ".",
    env: {},
    isolate: "client",
    timeoutMs: 60_000,
  });
  expect(faultsOf({ package: "a@1.0.0", headers: {} })).toEqual([
    expect.stringContaining('"headers" is not a key of upstreams.it'),
  ]);
  expect(faultsOf({ package: 7 })).toEqual([
    "upstreams.it.package: Must be a string, is a number ()",
  ]);
});

test("a package runs without containment, and a warning says so", () => {
  const { faults } = parseConfig({ upstreams: { it: { package: "a@1.0.0" } } }, context);
  expect(faults.map(({ path, message }) => `${path}: ${message}`)).toContain(
    'upstreams.it: "it" runs without containment, with all rights of the gateway\'s user',
  );
});

const noVersion = "Must name an exact version";
const noExact = "Must name an exact version, no range and no tag";
test.each([
  ["some-server", noVersion, "`npm view some-server version` prints the newest one"],
  ["@a/b", noVersion, "`npm view @a/b version` prints the newest one"],
  ["a@", noVersion, "`npm view a version` prints the newest one"],
  ["a@latest", noExact, "`npm view a version` prints the newest one"],
  ["a@1", noExact, "`npm view a version` prints the newest one"],
  ["a@*", noExact, "`npm view a version` prints the newest one"],
  ["@a/b@^1.2.3", noExact, 'write "@a/b@1.2.3"'],
  ["a@~1.2.3-rc.1", noExact, 'write "a@1.2.3-rc.1"'],
  ["a@v1.2.3", noExact, 'write "a@1.2.3"'],
  ["a@>=1.2.3 <2", noExact, 'write "a@1.2.3"'],
  ["a@01.2.3", noExact, "`npm view a version` prints the newest one"],
])("the package %s is refused: %s, %s", (text, message, hint) => {
  expect(faultsOf({ package: text })).toEqual([`upstreams.it.package: ${message} (${hint})`]);
});

test.each([
  "./folder",
  "../a@1.0.0",
  "/tmp/a@1.0.0",
  "@../a@1.0.0",
  "@a/../b@1.0.0",
  "a/b@1.0.0",
  "a\\b@1.0.0",
  "-g@1.0.0",
  ".hidden@1.0.0",
  "git+https://example.com/a.git",
  "https://example.com/a.tgz",
  "user/repo",
  "a b@1.0.0",
  "a\n@1.0.0",
  `${"a".repeat(215)}@1.0.0`,
])("the package %j is none of the registry", (text) => {
  expect(faultsOf({ package: text })).toEqual([
    'upstreams.it.package: Must be a package of the registry with its version (such as "some-server@1.2.3" or "@scope/server@1.2.3")',
  ]);
});

test.each(["npm:other@1.0.0", "file:../b", "1.0.0/../..", "1.0.0\n", "1.0.0+build", "1.0.0-"])(
  "the version %j is not exact",
  (version) => {
    expect(parsePackageName(`a@${version}`)).toBeUndefined();
  },
);

test("whatever is taken for a package stays in its folder and is no option", () => {
  const piece = fc.constantFrom(
    "a",
    "@",
    "/",
    ".",
    "..",
    "-",
    "1.0.0",
    "~",
    "\\",
    " ",
    "\0",
    "%2f",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const named = parsePackageName(`${pieces.join("")}@1.0.0`);
      if (named === undefined) return;
      const path = `/kept/${named.name}@${named.version}`;
      expect(new URL(path, "file:///").pathname).toBe(path);
      expect(named.name).not.toMatch(/^-|\\/);
      expect(named.name.split("/").length).toBeLessThanOrEqual(2);
    }),
  );
});
