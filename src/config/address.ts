/** Addresses as they stand in the config; what a peer's address is, `identity/` says. */

/** An IPv4 or IPv6 address, or a range of them such as `10.0.0.0/8`. */
export function isAddressRange(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  if (rest.length > 0) return false;
  const size = isIpv4(address) ? 32 : isIpv6(address) ? 128 : undefined;
  if (size === undefined) return false;
  return bits === undefined || (/^(0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= size);
}

/** Law 3's loopback: 127.0.0.0/8, ::1 and the name `localhost`. */
export function isLoopbackHost(host: string): boolean {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  if (isIpv4(bare)) return bare.startsWith("127.");
  if (isIpv6(bare)) return new URL(`http://[${bare}]`).hostname === "[::1]";
  return bare.toLowerCase() === "localhost";
}

/** Whether two listeners on these hosts would share an address. */
export function hostsOverlap(a: string, b: string): boolean {
  const [one, other] = [plainHost(a), plainHost(b)];
  if (one === other || isUnspecified(one) || isUnspecified(other)) return true;
  return [one, other].includes("localhost") && isLoopbackHost(one) && isLoopbackHost(other);
}

function plainHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  return isIpv6(bare) ? new URL(`http://[${bare}]`).hostname.slice(1, -1) : bare;
}

function isUnspecified(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return (
    parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  );
}

function isIpv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(text) && text.includes(":") && URL.canParse(`http://[${text}]`);
}
