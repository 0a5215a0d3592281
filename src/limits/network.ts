/** What counts as one place that strangers come from. */

/**
 * An IPv4 address itself; of an IPv6 address its /64, since one host can take any address in it
 * and would otherwise start with a full bucket each time. Takes addresses in normal spelling.
 */
export function networkOf(address: string | undefined): string {
  if (address === undefined) return "unknown";
  if (!address.includes(":")) return address;
  const [front = "", back] = address.split("::");
  const head = front === "" ? [] : front.split(":");
  const tail = back === undefined || back === "" ? [] : back.split(":");
  const gap = back === undefined ? 0 : Math.max(0, 8 - head.length - tail.length);
  const parts = [...head, ...Array<string>(gap).fill("0"), ...tail];
  return `${parts.slice(0, 4).join(":")}::/64`;
}
