import { expect, test } from "vitest";
import { StoreLost } from "../../src/core/index.ts";
import { toFailure, toLoss } from "../../src/stores/redis-words.ts";

function reply(message: string): Error {
  const error = new Error(message);
  error.name = "ReplyError";
  return error;
}
const where = 'Cannot use the store at "redis://h:6379/0": ';
const inScript = "ERR Error running script (call to f_6b): @user_script:9: @user_script: 9: ";

test.each([
  ["WRONGPASS invalid username-password pair or user is disabled.", "setup", "password is wrong"],
  ["ERR invalid password", "setup", "password is wrong"],
  ["NOAUTH Authentication required.", "setup", "asks for a password"],
  ["ERR DB index is out of range", "setup", "no such database"],
  ["NOPERM this user has no permissions to run the 'evalsha' command", "setup", '"evalsha"'],
  ["NOPERM this user has no permissions to access one of the channels", "setup", "channels"],
  ["NOPERM No permissions to access a key", "setup", "keys"],
  [
    "ERR The user executing the script can't run this command or subcommand script: b6",
    "setup",
    "what the scripts run",
  ],
  [
    "ERR The user executing the script can't access at least one of the keys mentioned",
    "setup",
    "keys",
  ],
  ["MOVED 3999 10.0.0.1:6381", "setup", "a cluster"],
  ["CROSSSLOT Keys in request don't hash to the same slot", "setup", "a cluster"],
  ["CLUSTERDOWN Hash slot not served", "setup", "a cluster"],
  ["ERR unknown command 'EVALSHA', with args beginning with: 'k'", "setup", "lacks a command"],
  ["ERR max number of clients reached", "refused", "too many clients"],
  ["LOADING Redis is loading the dataset in memory", "refused", "still loading"],
  ["READONLY You can't write against a read only replica.", "refused", "read-only replica"],
  [`${inScript}-READONLY You can't write`, "refused", "read-only replica"],
  ["OOM command not allowed when used memory > 'maxmemory'.", "refused", "memory is full"],
  [`${inScript}-OOM command not allowed`, "refused", "memory is full"],
  ["MASTERDOWN Link with MASTER is down", "refused", "lost its master"],
  ["MISCONF Redis is configured to save RDB snapshots", "refused", "cannot save"],
  ["NOREPLICAS Not enough good replicas to write.", "refused", "too few replicas"],
  ["BUSY Redis is busy running a script.", "refused", "busy with a script"],
])("A reply that concerns the whole store is a loss: %s", (message, reason, words) => {
  const loss = toLoss(reply(message), "redis://h:6379/0");
  expect(loss?.reason).toBe(reason);
  expect(loss?.message.startsWith(where)).toBe(true);
  expect(loss?.message).toContain(words);
});

test.each([
  ["WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"],
  ["ERR value is not an integer, OOM or so", "ERR"],
  ["ERR syntax error near 'secret'", "ERR"],
])("A reply that concerns one command is none: %s", (message, code) => {
  expect(toLoss(reply(message), "redis://h")).toBeUndefined();
  expect(toFailure(reply(message)).message).toBe(`The store refused a command with "${code}"`);
});

test("A reply without a code is not repeated", () => {
  expect(toFailure(reply("secret")).message).toBe("The store refused a command");
  expect(toFailure("secret").message).toBe("The store refused a command");
});

test.each([
  [Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }), "nothing listens"],
  [Object.assign(new Error("x"), { code: "ENOTFOUND" }), "its host is not known"],
  [Object.assign(new Error("x"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "not trusted"],
  [Object.assign(new Error("x"), { code: "EHOSTUNREACH" }), "failed (EHOSTUNREACH)"],
  [new Error("Connection is closed."), "the connection broke"],
  ["no error at all", "the connection failed"],
])("A connection that fails is a loss: %s", (error, words) => {
  const loss = toLoss(error, "redis://h:6379/0");
  expect(loss?.reason).toBe("unreachable");
  expect(loss?.message).toContain(words);
});

test("A loss stays the loss that it is", () => {
  const loss = new StoreLost("timeout", "late");
  expect(toLoss(loss, "redis://h")).toBe(loss);
});
