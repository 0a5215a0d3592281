/** The store's URL, as far as it can be read without asking the store. */
import { finding } from "../fault.ts";
import type { Finding } from "../fault.ts";
import type { Checked } from "./subject.ts";

const path = ["store", "redis"];

/** Nothing of it is repeated: what stands in the wrong place may be a piece of the password. */
export function checkStore({ config, context }: Checked): readonly Finding[] {
  const { store } = config;
  if (store === "memory" || context.unread?.includes(path.join(".")) === true) return [];
  const text = typeof store.redis === "string" ? store.redis : store.redis.reveal();
  if (isStoreUrl(text)) return [];
  const message =
    'Must be "redis://[[user]:password@]host[:port][/database]", or "rediss:" for TLS';
  const hint = "what is special in a password must be percent-encoded";
  return [finding("error", path, message, hint)];
}

function isStoreUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    ["redis:", "rediss:"].includes(url.protocol) &&
    url.hostname !== "" &&
    `${url.search}${url.hash}` === "" &&
    /^\/?\d{0,5}$/.test(url.pathname)
  );
}
