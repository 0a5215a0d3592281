/** Which buckets there are, under which keys and names. */
import type { RateConfig, UpstreamRateConfig } from "../config/index.ts";
import type { ClientIdentity, NamedBucket } from "../core/index.ts";
import { networkOf } from "./network.ts";

interface RatePlan {
  readonly rate: RateConfig;
  /** Counted among the rates of the same `per`, so that another one in front moves no bucket. */
  readonly ordinal: number;
  readonly name: string;
}

/** A rate that is alone is `default`, one of several is named after whom it is for. */
export function planRates(rates: readonly RateConfig[]): readonly RatePlan[] {
  const seen = new Map<RateConfig["per"], number>();
  return rates.map((rate) => {
    const ordinal = (seen.get(rate.per) ?? 0) + 1;
    seen.set(rate.per, ordinal);
    const name = ordinal === 1 ? rate.per : `${rate.per}-${ordinal}`;
    return { rate, ordinal, name: rates.length === 1 ? "default" : name };
  });
}

/** A client's name holds no colon, so that no subject and no address can name another's bucket. */
export function clientBucket(
  client: ClientIdentity,
  address: string | undefined,
  { rate, ordinal, name }: RatePlan,
): NamedBucket {
  const whose = whoseBucket(rate, client, address);
  const all = `rate:${client.name}:${rate.per}:${ordinal}`;
  const key = whose === undefined ? all : `${all}:${whose}`;
  return { name, key, capacity: rate.burst, perSecond: rate.perSecond };
}

/** Undefined: all of the client together, also those of whom no subject is known. */
function whoseBucket(
  { per }: RateConfig,
  { subject }: ClientIdentity,
  address: string | undefined,
): string | undefined {
  if (per === "address") return networkOf(address);
  return per === "subject" ? subject : undefined;
}

export function upstreamBucket(
  upstream: string,
  rate: UpstreamRateConfig,
  client: string,
): NamedBucket {
  const all = `rate-upstream:${upstream}`;
  return {
    name: "upstream",
    key: rate.per === "client" ? `${all}:${client}` : all,
    capacity: rate.burst,
    perSecond: rate.perSecond,
  };
}
