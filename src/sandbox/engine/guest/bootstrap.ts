/**
 * The first code in each instance, before any of a plugin: it keeps the built-ins that it works with
 * for itself, takes away what makes code from text, and is all that the host ever calls.
 *
 * Nothing here protects the host, which trusts no text that comes out; it keeps a plugin that bends
 * its own built-ins from being described wrongly. So it calls what it kept and never a method that a
 * plugin could have replaced.
 */

/** The file that the engine's stacks name for it. */
export const bootstrapName = "mcp-gw";

/** What the function that the source comes to gives back, by name. */
export const guestFunctions = [
  "adopt",
  "setUp",
  "begin",
  "poll",
  "extras",
  "answer",
  "explain",
] as const;
export type GuestFunction = (typeof guestFunctions)[number];

/** Of what the guest collects for one call. */
export const guestCaps = {
  logs: 32,
  logCharacters: 4096,
  whyCharacters: 500,
  hostCalls: 100,
  pending: 16,
  /** Of what one call of the host takes; the largest body of `fetch` fits, escaped. */
  askCharacters: 1024 * 1024,
  /** Of all that is logged and asked for at once. */
  extrasBytes: 8 * 1024 * 1024,
  hashedCharacters: 1024 * 1024,
} as const;

/** The members of a hook's second parameter that the host gives; each is read when it is asked for. */
export const ctxParts = [
  "requestId",
  "method",
  "protocolVersion",
  "client",
  "upstream",
  "tool",
  "call",
  "direction",
  "source",
] as const;
const always = 0b11111;
/** Which of them there are, one bit for each, in most calls: as such, and of tools and texts. */
export const usualMasks = [
  always,
  always | 0b100_000,
  always | 0b1_100_000,
  always | 0b110_000_000,
  always | 0b110_100_000,
];
/** Where one of them stands in the JSON of all is `from * spanUnit + to`: no text has as many characters. */
export const spanUnit = 2 ** 26;

/** The second character of what `begin` and `poll` give; the first is 1 where `extras` has something. */
export const marks = {
  /** `allow` and nothing else: what most calls come to needs no JSON. */
  allow: "a",
  verdict: "v",
  threw: "t",
  bad: "b",
  pending: "p",
  unreadable: "u",
} as const;

export const bootstrapSource = String.raw`(function (hooks, hostSha256, hostUuid) {
"use strict";
const { parse, stringify } = JSON;
const { apply, ownKeys, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { defineProperty, freeze, create, keys: keysOf } = Object;
const { slice } = String.prototype;
const { hasOwnProperty } = Object.prototype;
const { isArray } = Array;
const { imul } = Math;
const { then } = Promise.prototype;
const { resolve } = Promise;
const toText = String;
const PromiseHere = Promise, ErrorHere = Error, TypeErrorHere = TypeError, RangeErrorHere = RangeError;
const globals = globalThis;

const cut = (text, length) => text.length > length ? apply(slice, text, [0, length]) : text;
const has = (object, key) => apply(hasOwnProperty, object, [key]);
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
const isThenable = (value) => isObject(value) && typeof value.then === "function";
const table = () => create(null);

// Code from text is gone before the plugin comes, so that it cannot keep any of it.
const sever = (name, sample) => {
  const kind = getPrototypeOf(sample);
  const gone = function (...parts) {
    // What many bundles ask for the global object with.
    if (name === "Function" && parts.length === 1 && parts[0] === "return this") return () => globals;
    throw new TypeErrorHere(name + " makes code from text, which a plugin cannot do");
  };
  defineProperty(gone, "name", { value: name });
  defineProperty(gone, "prototype", { value: kind, writable: false });
  defineProperty(kind, "constructor", { value: gone, writable: false, configurable: false });
  return gone;
};
globals.Function = sever("Function", function () {});
sever("GeneratorFunction", function* () {});
sever("AsyncFunction", async function () {});
sever("AsyncGeneratorFunction", async function* () {});
globals.eval = () => {
  throw new TypeErrorHere("eval makes code from text, which a plugin cannot do");
};

// Memory that is shared, and waiting on it, are of no use here.
delete globals.SharedArrayBuffer;
delete globals.Atomics;

// A small generator (mulberry32): the same seed, the same numbers.
let seed = 0;
defineProperty(Math, "random", {
  value: function random() {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  },
  writable: true,
  configurable: true,
});

const tell = (value) => isObject(value) ? stringify(value) : typeof value === "symbol" ? "a symbol" : toText(value);
const describe = (error) => {
  if (!isObject(error) || typeof error.message !== "string") return "Threw " + tell(error);
  return (typeof error.name === "string" ? error.name : "Error") + ": " + error.message;
};
// JSON of what a thrown value says of itself, however it was made.
const explain = (error) => {
  let why = "Threw what cannot be described", stack = "";
  try {
    why = cut(describe(error), ${guestCaps.whyCharacters});
    if (isObject(error) && typeof error.stack === "string") stack = cut(error.stack, 2000);
  } catch {}
  return stringify({ __proto__: null, why, stack });
};

let logs = [], logCount = 0;
const say = (level) => (...values) => {
  if (logCount >= ${guestCaps.logs}) return;
  let text = "";
  for (let index = 0; index < values.length && text.length < ${guestCaps.logCharacters}; index++) {
    const value = values[index];
    let part;
    try {
      part = typeof value === "string" ? value : value instanceof ErrorHere ? describe(value) : tell(value);
    } catch {
      part = "[unreadable]";
    }
    text += (index === 0 ? "" : " ") + cut(typeof part === "string" ? part : "[unreadable]", ${guestCaps.logCharacters});
  }
  defineProperty(logs, logCount++, { __proto__: null, value: { level, text: cut(text, ${guestCaps.logCharacters}) }, enumerable: true });
};
let asked = [], askedCount = 0, calls = 0, pending = 0;
const waiting = table();
const ask = (name, args, read) => new PromiseHere((settle, fail) => {
  if (calls >= ${guestCaps.hostCalls}) throw new RangeErrorHere("More than ${guestCaps.hostCalls} calls of the host");
  if (pending >= ${guestCaps.pending}) throw new RangeErrorHere("More than ${guestCaps.pending} calls of the host at once");
  const json = stringify(args);
  if (json.length > ${guestCaps.askCharacters}) throw new RangeErrorHere("A call of the host takes at most ${guestCaps.askCharacters} characters");
  const id = toText(++calls);
  pending++;
  waiting[id] = { settle, fail, read };
  defineProperty(asked, askedCount++, { __proto__: null, value: [id, name, json], enumerable: true });
});
const answer = (id, isValue, text) => {
  const one = waiting[id];
  if (one === undefined) return "";
  delete waiting[id];
  pending--;
  if (!isValue) one.fail(new ErrorHere(text));
  else {
    try {
      one.settle(one.read(parse(text)));
    } catch (error) {
      one.fail(error);
    }
  }
  return "";
};

const same = (value) => value;
const nothing = () => undefined;
const kv = freeze({
  get: (key) => ask("kv.get", [key], same),
  set: (key, value, options) => ask("kv.set", options === undefined ? [key, value] : [key, value, options], nothing),
  incr: (key, by = 1, options) => ask("kv.incr", options === undefined ? [key, by] : [key, by, options], same),
  delete: (key) => ask("kv.delete", [key], nothing),
});
const toReply = (reply) => ({ ...reply, text: () => reply.body, json: () => parse(reply.body) });
const fetch = (url, init) => ask("fetch", init === undefined ? [url] : [url, init], toReply);
const log = freeze({ debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") });
const sha256 = (text) => {
  if (typeof text !== "string") throw new TypeErrorHere("sha256 takes a string");
  if (text.length > ${guestCaps.hashedCharacters}) throw new RangeErrorHere("sha256 takes at most ${guestCaps.hashedCharacters} characters");
  return hostSha256(stringify(text));
};
const randomUUID = () => hostUuid();

let plugin, hookTable = table();
let outcome = "";

// What it holds of the call looks like data and is read at the first access: most hooks need little.
const parts = ${JSON.stringify(ctxParts)};
let ctxText = "", spans = [];
const accessors = [];
for (let index = 0; index < parts.length; index++) {
  let value, isRead = false;
  const get = () => {
    if (!isRead) {
      const span = spans[index], to = span % ${spanUnit};
      value = parse(apply(slice, ctxText, [(span - to) / ${spanUnit}, to]));
      isRead = true;
    }
    return value;
  };
  const set = (given) => {
    value = given;
    isRead = true;
  };
  accessors[index] = { __proto__: null, get, set, enumerable: true, configurable: true };
}
let config;
const fill = (ctx) => {
  ctx.now = 0;
  ctx.config = config;
  ctx.log = log;
  ctx.kv = kv;
  ctx.fetch = fetch;
  ctx.sha256 = sha256;
  ctx.randomUUID = randomUUID;
  return ctx;
};
// One bit for each part that there is.
const toCtx = (mask) => {
  const ctx = {};
  for (let index = 0; index < parts.length; index++)
    if ((mask >> index) & 1) defineProperty(ctx, parts[index], accessors[index]);
  return fill(ctx);
};
// Those that are usual are made before the first call, with which all of them begin.
const usual = table();
const prepare = () => {
  const masks = ${JSON.stringify(usualMasks)};
  for (let index = 0; index < masks.length; index++) usual[masks[index]] = toCtx(masks[index]);
};
// Built-ins that were given a toJSON must not speak for a verdict, nor it for itself: the call ends
// here, and what is taken away comes back with the next one.
const speakers = [Object.prototype, Array.prototype, String.prototype, Number.prototype, Boolean.prototype];
const toPlain = (value) => {
  for (let index = 0; index < speakers.length; index++)
    if ("toJSON" in speakers[index]) delete speakers[index].toJSON;
  if (!isObject(value) || isArray(value) || typeof value.toJSON !== "function") return value;
  const plain = table();
  const keys = ownKeys(value);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (typeof key === "string" && key !== "toJSON") plain[key] = value[key];
  }
  return plain;
};
const isAllow = (value) => {
  if (typeof value !== "object" || value === null || isArray(value)) return false;
  const keys = keysOf(value);
  return keys.length === 1 && keys[0] === "action" && value.action === "allow";
};
const settle = (value) => {
  try {
    if (isAllow(value)) return "a";
    const text = stringify(toPlain(value));
    return typeof text === "string" ? "v" + text : "vnull";
  } catch (error) {
    return "b" + explain(error);
  }
};
const mark = (text) => (logCount > 0 || askedCount > 0 ? "1" : "0") + text;
const begin = (hook, payloadText, isRaw, now, callSeed, text, mask, ...given) => {
  let payload, ctx;
  try {
    payload = isRaw ? payloadText : parse(payloadText);
    ctxText = text;
    spans = given;
    ctx = mask < 0 ? fill(parse(text)) : usual[mask] ?? toCtx(mask);
  } catch (error) {
    return mark("u" + explain(error));
  }
  seed = callSeed | 0;
  ctx.now = now;
  try {
    const value = apply(hookTable[hooks[hook]], plugin, [payload, ctx]);
    if (!isThenable(value)) return mark(settle(value));
    const promise = apply(resolve, PromiseHere, [value]);
    apply(then, promise, [
      (said) => { if (outcome === "") outcome = settle(said); },
      (error) => { if (outcome === "") outcome = "t" + explain(error); },
    ]);
    return mark("p");
  } catch (error) {
    return mark("t" + explain(error));
  }
};
const poll = () => mark(outcome === "" ? "p" : outcome);
const extras = () => {
  const text = stringify({ logs, asked });
  logs = []; logCount = 0; asked = []; askedCount = 0;
  return text;
};

const traits = ["name", "version", "apiVersion", "configSchema", "permissions", "match"];
const includes = (list, key) => {
  for (let index = 0; index < list.length; index++) if (list[index] === key) return true;
  return false;
};
const adopt = (namespace) => {
  const fault = (why) => stringify({ fault: why });
  const entry = getOwnPropertyDescriptor(namespace, "default");
  if (entry === undefined) return fault('Has no default export: write "export default definePlugin({ … })"');
  plugin = entry.value;
  if (typeof plugin !== "object" || plugin === null || isArray(plugin)) return fault("The default export is no object");
  const found = table();
  const facts = table();
  const keys = ownKeys(plugin);
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index];
    if (typeof key !== "string") return fault("The default export has a symbol for a key");
    const one = getOwnPropertyDescriptor(plugin, key);
    const isHook = includes(hooks, key) || key === "setup";
    if (!isHook && !includes(traits, key)) return stringify({ unknown: cut(key, 100) });
    if (one === undefined || !has(one, "value")) return fault('"' + key + '" is a getter: write it as a plain property');
    if (one.value === undefined) continue;
    if (!isHook) facts[key] = one.value;
    else if (typeof one.value !== "function") return fault('"' + key + '" is no function');
    else found[key] = one.value;
  }
  hookTable = found;
  const named = [];
  for (let index = 0; index < hooks.length; index++)
    if (found[hooks[index]] !== undefined) defineProperty(named, named.length, { __proto__: null, value: hooks[index], enumerable: true });
  return stringify({ facts, hooks: named, hasSetup: found.setup !== undefined });
};
const setUp = (configText) => {
  config = parse(configText);
  prepare();
  if (hookTable.setup === undefined) return "";
  const said = apply(hookTable.setup, plugin, [config]);
  return isThenable(said) ? '"setup" returns a promise: it has to be done when it returns' : "";
};

return { adopt, setUp, begin, poll, extras, answer, explain };
})`;
