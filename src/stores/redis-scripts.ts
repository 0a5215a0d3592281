/** What must happen at once in Redis, as Lua; Redis runs one script at a time. */
import type { Redis } from "ioredis";
import { maxTextBytes } from "./bounds.ts";

/**
 * The arithmetic of `bucket.ts`, with the server's clock, so that the clocks of instances do not
 * matter. KEYS are the buckets, ARGV a capacity and a rate for each. A bucket is kept as
 * "<millionths of a token> <microseconds of the clock>" until it is full.
 *
 * What was changed by hand never gives more than a full bucket. What is no bucket counts as an empty
 * one and is written anew, also where the take is refused: were it to count as full, whoever can spoil
 * a key could have a burst each time, and were it left, it would refuse for ever. The same goes for a
 * time to come that no expiry ends; one of a clock that went backwards ends by itself.
 */
export const takeScript = `
local token = 1000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function write(key, state, capacity, rate)
  local toFull = math.ceil((capacity * token - state.micros) / (rate * 1000)) + 1
  local text = string.format('%.0f %.0f', state.micros, state.at)
  redis.call('SET', key, text, 'PX', string.format('%.0f', math.max(1, toFull)))
end

local function read(key, capacity, rate)
  local text = redis.pcall('GETRANGE', key, 0, 40)
  if text == '' and redis.call('EXISTS', key) == 0 then
    return { micros = capacity * token, at = now }
  end
  local micros, at
  if type(text) == 'string' then micros, at = string.match(text, '^(%d+) (%d+)$') end
  if at then
    micros, at = tonumber(micros), tonumber(at)
    if at <= now then return { micros = micros, at = at } end
    local left = redis.call('PTTL', key)
    if left >= 0 and left <= capacity * token / (rate * 1000) + 1 then
      return { micros = micros, at = at }
    end
  end
  return { micros = 0, at = now, spoiled = true }
end

local function refill(state, capacity, rate)
  local elapsed = math.max(0, now - state.at) / 1000
  local refilled = math.floor(state.micros + elapsed * rate * 1000 + 0.001)
  return { micros = math.min(capacity * token, refilled), at = math.max(now, state.at) }
end

local states, spoiled = {}, {}
local emptiest, refused
for i, key in ipairs(KEYS) do
  local capacity, rate = tonumber(ARGV[i * 2 - 1]), tonumber(ARGV[i * 2])
  local found = states[key] or read(key, capacity, rate)
  if found.spoiled then spoiled[key] = { found, capacity, rate } end
  local state = refill(found, capacity, rate)
  local ok = state.micros >= token
  local micros = ok and state.micros - token or state.micros
  states[key] = { micros = micros, at = state.at, capacity = capacity, rate = rate }
  local remaining = math.floor(micros / token)
  local wait = math.ceil(math.max(0, token - micros) / (rate * 1000))
  if not ok and (not refused or wait >= refused.wait) then
    refused = { remaining = remaining, wait = wait, at = i }
  end
  if not emptiest or remaining < emptiest.remaining then
    emptiest = { remaining = remaining, wait = wait, at = i }
  end
end
if refused then
  for key, found in pairs(spoiled) do write(key, found[1], found[2], found[3]) end
  return { 0, refused.remaining, refused.wait, refused.at }
end
for key, state in pairs(states) do write(key, state, state.capacity, state.rate) end
return { 1, emptiest.remaining, emptiest.wait, emptiest.at }
`;

/** A text, nothing, or 0 where what is kept is none or is too large. */
export const getScript = `
local length = redis.pcall('STRLEN', KEYS[1])
if type(length) ~= 'number' or length > ${maxTextBytes} then return 0 end
return redis.call('GET', KEYS[1])
`;

/** ARGV: "1" and the expected value or "0" and nothing, the next one, its milliseconds. */
export const replaceScript = `
if ARGV[1] == '0' then
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
else
  if redis.pcall('STRLEN', KEYS[1]) ~= #ARGV[2] then return 0 end
  if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`;

export interface Scripts {
  /** To be called for each new connection. */
  readonly load: (redis: Redis) => Promise<void>;
  readonly run: (
    redis: Redis,
    script: string,
    keys: readonly string[],
    args: readonly string[],
  ) => Promise<unknown>;
}

export function createScripts(): Scripts {
  const digests = new Map<string, string>();
  return {
    load: async (redis) => {
      const loadOne = async (script: string): Promise<void> => {
        digests.set(script, String(await redis.script("LOAD", script)));
      };
      await Promise.all([takeScript, getScript, replaceScript].map(loadOne));
    },
    run: async (redis, script, keys, args) => {
      try {
        return await redis.evalsha(digests.get(script) ?? "", keys.length, ...keys, ...args);
      } catch (error) {
        // Somebody flushed the scripts; this one is kept again from here on.
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return redis.eval(script, keys.length, ...keys, ...args);
      }
    },
  };
}
