/** Which addresses belong to the Internet, and a name's addresses among those. */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import type { LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";
import { EgressError } from "../core/index.ts";

/** All addresses of a name. */
export type Resolve = (
  name: string,
  options: LookupOptions & { readonly all: true },
  told: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * How a connection that may only go to the Internet finds its address. Attack: a name that its owner
 * lets stand for 127.0.0.1, for the cloud's metadata or for a host of the operator's network, from the
 * first or from the second time on that it is asked for. So the name is asked for once for each
 * connection, what is not public is left out, and the connection goes to what is left. An address is
 * never asked for here: who writes one instead of a name means it.
 */
export function createPublicLookup(resolve: Resolve = systemLookup): LookupFunction {
  return (name, options, told) => {
    resolve(name, { ...options, all: true }, (error, addresses) => {
      const open = error === null ? addresses.filter(({ address }) => isPublic(address)) : [];
      const [first] = open;
      if (error !== null) told(error, []);
      else if (first === undefined) {
        told(new EgressError("unreachable", `"${name}" stands for no public address`), []);
      } else if (options.all === true) told(null, open);
      else told(null, first.address, first.family);
    });
  };
}

/** Azure answers its machines there; all other clouds do so at addresses that are not public. */
const machineInside = "168.63.129.16";

/**
 * Plain spellings alone. Neither what carries an IPv4 address in an IPv6 one, as NAT64 and 6to4 do,
 * nor anything outside of 2000::/3, which is all of IPv6 that is handed out.
 */
export function isPublic(text: string): boolean {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) {
    return ipaddr.IPv4.parse(text).range() === "unicast" && text !== machineInside;
  }
  if (text.includes("%") || !ipaddr.IPv6.isValid(text)) return false;
  const address = ipaddr.IPv6.parse(text);
  return address.range() === "unicast" && (address.parts[0] ?? 0) >> 13 === 1;
}
