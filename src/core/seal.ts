/** One codec for everything the gateway hands out and reads back: sealed, bound to one use. */
import { CompactEncrypt, type CompactJWEHeaderParameters, compactDecrypt, errors } from "jose";

export interface Sealer {
  /** Encrypts and authenticates a text; the token is visible ASCII without white space. */
  readonly seal: (payload: string) => Promise<string>;
  /** The text, or undefined where the token was not sealed under one of our keys for this use. */
  readonly open: (token: string) => Promise<string | undefined>;
}

/** The sealer of one use, by its label. */
export type Seals = (label: string) => Sealer;

/** The keys of one process, which a reload may change while their sealers are in use. */
export interface Keyring {
  readonly seals: Seals;
  /** From here on these keys; without any, what is sealed is good for this process alone. */
  readonly use: (keys: readonly Uint8Array[]) => void;
}

export function createKeyring(
  keys: readonly Uint8Array[],
  randomBytes: (count: number) => Uint8Array,
): Keyring {
  const own = randomBytes(minKeyBytes);
  const sealers = new Map<string, Sealer>();
  let current = keys;
  const sealerOf = (label: string): Sealer => {
    const sealer = sealers.get(label) ?? createSealer(current.length > 0 ? current : [own], label);
    sealers.set(label, sealer);
    return sealer;
  };
  return {
    seals: (label) => ({
      seal: (payload) => sealerOf(label).seal(payload),
      open: (token) => sealerOf(label).open(token),
    }),
    use: (next) => {
      current = next;
      sealers.clear();
    },
  };
}

interface SealingKey {
  readonly id: string;
  readonly secret: Uint8Array;
}

const minKeyBytes = 32;
/** A server's state of 64 Ki characters fits; a longer token is not worth decoding. */
const maxTokenLength = 524_288;
const algorithm = { alg: "dir", enc: "A256GCM" } as const;

/**
 * Seals as JWE compact serialization (RFC 7516, `dir` with A256GCM). The first key seals, every
 * key opens, so that keys can be rotated. Each use has a `label`, and the label has its own key
 * (HKDF-SHA-256, RFC 5869): a token of one use never opens as another. Throws a RangeError where
 * there is no key or one is shorter than 32 bytes.
 */
export function createSealer(keys: readonly Uint8Array[], label: string): Sealer {
  if (keys.length === 0) throw new RangeError("Cannot seal without a key");
  const short = keys.find((key) => key.length < minKeyBytes);
  if (short) {
    throw new RangeError(
      `Cannot seal with a key of ${short.length} bytes, it needs at least ${minKeyBytes}`,
    );
  }
  let derived: Promise<readonly SealingKey[]> | undefined;
  const ready = (): Promise<readonly SealingKey[]> =>
    (derived ??= Promise.all(keys.map((key) => derive(key, label))));

  return {
    seal: async (payload) => {
      const key = (await ready())[0]!;
      return new CompactEncrypt(new TextEncoder().encode(payload))
        .setProtectedHeader({ ...algorithm, kid: key.id })
        .encrypt(key.secret);
    },
    open: async (token) => {
      if (token.length > maxTokenLength || !isCanonical(token)) return undefined;
      const known = await ready();
      const secretOf = (header: CompactJWEHeaderParameters): Uint8Array => {
        const key = known.find((each) => each.id === header.kid);
        if (!key) throw new errors.JWEDecryptionFailed();
        return key.secret;
      };
      try {
        const { plaintext } = await compactDecrypt(token, secretOf, {
          keyManagementAlgorithms: [algorithm.alg],
          contentEncryptionAlgorithms: [algorithm.enc],
        });
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext);
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/**
 * Decoders take white space and ignore the spare bits of a last character (RFC 4648, section 3.5),
 * so that one token would have many spellings, and one that was used up could come again.
 */
function isCanonical(token: string): boolean {
  return /^[\w.-]*$/.test(token) && token.split(".").every((part) => hasNoSpareBits(part));
}

function hasNoSpareBits(part: string): boolean {
  const over = part.length % 4;
  if (over === 0) return true;
  return (over === 2 ? "AQgw" : over === 3 ? "AEIMQUYcgkosw048" : "").includes(part.slice(-1));
}

/** The id comes out of the same derivation, so that it tells nothing of the key. */
async function derive(key: Uint8Array, label: string): Promise<SealingKey> {
  const material = await crypto.subtle.importKey("raw", Uint8Array.from(key), "HKDF", false, [
    "deriveBits",
  ]);
  const bits = async (purpose: string, count: number): Promise<Uint8Array> => {
    const info = new TextEncoder().encode(`mcp-gw/${purpose}/${label}`);
    const settings = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
    return new Uint8Array(await crypto.subtle.deriveBits(settings, material, count));
  };
  const id = Array.from(await bits("seal-id", 64), (byte) => byte.toString(16).padStart(2, "0"));
  return { id: id.join(""), secret: await bits("seal-key", 256) };
}
