/** Whose address a request comes from, once the proxies that may speak for others are peeled off. */
import ipaddr from "ipaddr.js";
import { LRUCache } from "lru-cache";

type Address = ReturnType<typeof ipaddr.parse>;
type Network = readonly [base: Address, bits: number];

/** More hops than this are read by nobody: the walk ends at the last good one. */
const maxHops = 32;

/**
 * The caller's address in its one spelling, or undefined where the peer has none.
 *
 * Anybody can write an `X-Forwarded-For` and so choose the address that is counted and logged.
 * It is therefore read only when the peer itself is one of `trusted` (addresses or CIDR ranges;
 * the config's `trustedProxies`), and from the right: each trusted hop vouches for the one before
 * it, and the first one nobody vouches for is the caller. A hop that is no plain address, a port
 * or a zone included, ends the walk at the last good one.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | null,
  trusted: readonly string[],
): string | undefined {
  let address = parseAddress(peer);
  if (address === undefined) return undefined;
  if (forwardedFor !== null && trusted.length > 0) {
    const networks = networksOf(trusted);
    for (const text of forwardedFor.split(",").toReversed().slice(0, maxHops)) {
      if (!isWithin(address, networks)) break;
      const hop = parseAddress(text.trim());
      if (hop === undefined) break;
      address = hop;
    }
  }
  return address.toString();
}

/** 127.0.0.0/8 and ::1, also as IPv4 written in IPv6. */
export function isLoopback(address: string | undefined): boolean {
  return parseAddress(address)?.range() === "loopback";
}

/**
 * Plain spellings only: `127.1`, `0x7f.0.0.1` and `010.0.0.1` are read differently by different
 * readers. IPv4 written in IPv6 is IPv4.
 */
function parseAddress(text: string | undefined): Address | undefined {
  if (text === undefined || text.length > maxAddressLength) return undefined;
  const known = addresses.get(text);
  if (known !== undefined) return known.address;
  const address = readAddress(text);
  addresses.set(text, { address });
  return address;
}

const maxAddressLength = 64;
/** The same few addresses call again and again. */
const addresses = new LRUCache<string, { readonly address: Address | undefined }>({ max: 1_000 });

function readAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(":") || !ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return address.toIPv4Address();
  return new ipaddr.IPv6(address.parts);
}

/** The config's list does not change while it is in use, so each is parsed once. */
const parsed = new WeakMap<readonly string[], readonly Network[]>();

function networksOf(trusted: readonly string[]): readonly Network[] {
  let networks = parsed.get(trusted);
  if (networks === undefined) {
    networks = trusted.map(parseNetwork).filter((each) => each !== undefined);
    parsed.set(trusted, networks);
  }
  return networks;
}

/** What is neither an address nor a range trusts nobody. */
function parseNetwork(text: string): Network | undefined {
  const [base, bits, ...rest] = text.split("/");
  const address = parseAddress(base);
  if (address === undefined || rest.length > 0) return undefined;
  const width = address.kind() === "ipv4" ? 32 : 128;
  if (bits === undefined) return [address, width];
  // An IPv4 range written in IPv6 counts its bits from the front of the 128.
  const count = Number(bits) - (width === 32 && base?.includes(":") ? 96 : 0);
  return /^\d{1,3}$/.test(bits) && count >= 0 && count <= width ? [address, count] : undefined;
}

function isWithin(address: Address, networks: readonly Network[]): boolean {
  return networks.some(
    ([base, bits]) => base.kind() === address.kind() && address.match(base, bits),
  );
}
