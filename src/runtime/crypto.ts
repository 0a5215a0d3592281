/** Hashes and randomness, synchronous on both runtimes through `node:crypto`. */
import { createHmac, hash, randomFillSync, timingSafeEqual } from "node:crypto";
import type { Crypto } from "../core/index.ts";

export function createCrypto(): Crypto {
  return {
    sha256: (data) => hash("sha256", data, "hex"),
    hmacSha256: (key, data) => createHmac("sha256", key).update(data).digest("hex"),
    randomBytes: createRandom(),
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
  };
}

/** One call for many: asking the system costs more than the bytes do. */
const poolBytes = 4096;

function createRandom(): (count: number) => Uint8Array {
  const pool = new Uint8Array(poolBytes);
  let used = poolBytes;
  return (count) => {
    if (count > poolBytes) return randomFillSync(new Uint8Array(count));
    if (used + count > poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    // What was given out is not kept: a key may be among it.
    pool.fill(0, used, used + count);
    used += count;
    return bytes;
  };
}
