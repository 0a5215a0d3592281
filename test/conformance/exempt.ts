/** The checks that may fail through the gateway, each with the reason why no gateway could pass it. */
import type { Revision } from "./suite.ts";

/** What the upstream speaks: both eras, one of them, or both over stdio. */
export const settings = ["both", "legacy", "modern", "stdio"] as const;
export type Setting = (typeof settings)[number];

export interface Exemption {
  readonly setting: Setting;
  readonly revision: Revision;
  readonly scenario: string;
  readonly check: string;
  readonly reason: string;
}

/** A client that speaks of 2026-07-28 to a server that has never heard of it. */
const legacyUpstream = (scenario: string, check: string, reason: string): Exemption => ({
  setting: "legacy",
  revision: "2026-07-28",
  scenario,
  check,
  reason,
});

const refusesItself =
  "A legacy server sees what the client declared when it connects and answers the call itself, with a tool's error; nothing in that result names a capability";

export const exemptions: readonly Exemption[] = [
  legacyUpstream(
    "input-required-result-basic-elicitation",
    "sep-2322-elicitation-incomplete",
    'The check wants the question under the key "user_name"; a legacy server numbers its questions and has no keys',
  ),
  legacyUpstream(
    "input-required-result-ignore-extra-params",
    "sep-2322-ignore-unexpected-params",
    "The check answers a question before it is asked; a legacy server has no way to be told an answer in advance",
  ),
  legacyUpstream(
    "server-stateless",
    "sep-2575-server-rejects-undeclared-capability",
    refusesItself,
  ),
  legacyUpstream("server-stateless", "sep-2575-missing-capability-http-400", refusesItself),
];
