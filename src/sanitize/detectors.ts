/** The formats of tokens that give themselves away by a prefix. */

import { decodeBase64 } from "./base64.ts";

/**
 * One format. The whole match is the secret; what must stand around it is looked at, not matched.
 * Patterns are linear-time on a backtracking engine: a literal, then one class that is either
 * consumed or fails within a fixed number of characters; no quantifier stands inside another.
 */
export interface Detector {
  readonly kind: string;
  /** Literals of which one must occur near a run of 16 word characters, else the pattern is not tried. */
  readonly marks: readonly string[];
  readonly pattern: RegExp;
  readonly accepts?: (match: string) => boolean;
  /**
   * Looked for in `uri` members too. Off for what makes a signed link work: such a link is meant for
   * its reader, and without the token it leads nowhere.
   */
  readonly inUris: boolean;
}

interface Extra {
  readonly accepts?: Detector["accepts"];
  readonly inUris?: boolean;
}

function detector(
  kind: string,
  marks: readonly string[],
  pattern: RegExp,
  { accepts, inUris = true }: Extra = {},
): Detector {
  return { kind, marks, pattern: withoutStack(pattern), inUris, ...(accepts && { accepts }) };
}

/**
 * `[a]{9,}` spelt as `[a]{9}[a]*`: the engine notes each step of the first on its stack, which ends
 * with a RangeError after some megabytes, and of the second only where it began.
 */
export function withoutStack({ source, flags }: RegExp): RegExp {
  return new RegExp(source.replace(/(\[[^\]]+\]|\\w)\{(\d+),\}/g, "$1{$2}$1*"), flags);
}

export const detectors: readonly Detector[] = [
  detector("github-token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], /gh[pousr]_[A-Za-z0-9]{30,}/g),
  detector("github-token", ["github_pat_"], /github_pat_\w{22,}/g),
  detector(
    "gitlab-token",
    ["glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glft-", "glimt-", "glsoat-"],
    /gl(?:pat|dt|rt|ptt|cbt|ft|imt|soat)-[\w-]{20,}(?:\.[\w-]{2,64}){0,2}/g,
  ),
  detector("slack-token", ["xox"], /xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}/g),
  detector("slack-token", ["xapp-"], /xapp-\d-[A-Za-z0-9-]{20,}/g),
  detector(
    "slack-webhook",
    ["hooks.slack"],
    /(?<=hooks\.slack(?:-gov)?\.com\/(?:services|workflows|triggers)\/)[\w/]{16,}/g,
  ),
  detector(
    "discord-webhook",
    ["api/webhooks/"],
    /(?<=discord(?:app)?\.com\/api\/webhooks\/)\d{1,24}\/[\w-]{30,}/g,
  ),
  detector("stripe-key", ["k_live_", "k_test_"], /(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}/g),
  detector("stripe-key", ["whsec_"], /whsec_[A-Za-z0-9+/=]{24,}/g),
  detector("anthropic-key", ["sk-ant-"], /sk-ant-[\w-]{20,}/g),
  detector(
    "openai-key",
    ["sk-"],
    /(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin|None|or-v1)-[\w-]{20,}|[A-Za-z0-9]{20,})/g,
    { accepts: (match) => match.length >= 35 || /\d/.test(match) },
  ),
  detector("google-api-key", ["AIza"], /AIza[\w-]{35}/g),
  detector("google-oauth-token", ["ya29."], /ya29\.[\w-]{20,}/g),
  detector("google-client-secret", ["GOCSPX-"], /GOCSPX-[\w-]{20,}/g),
  detector("npm-token", ["npm_"], /npm_[A-Za-z0-9]{36,}/g),
  detector("pypi-token", ["pypi-"], /pypi-(?:AgE[\w-]{16,}|[\w-]{50,})/g),
  detector("sendgrid-key", ["SG."], /SG\.[\w-]{16,64}\.[\w-]{32,}/g),
  detector("twilio-key", ["SK"], /(?<![A-Za-z0-9])SK[0-9a-f]{32}(?![A-Za-z0-9])/g),
  detector("telegram-token", [":AA"], /(?<!\d)\d{8,10}:AA[\w-]{32,34}(?![\w-])/g),
  detector("digitalocean-token", ["_v1_"], /do[opr]_v1_[0-9a-f]{40,}/g),
  detector(
    "azure-storage-key",
    ["AccountKey", "SharedAccessKey", "accountkey"],
    /(?<=(?:Account|SharedAccess)Key["']?\s{0,4}[=:]\s{0,4}["']?)[A-Za-z0-9+/]{40,}={0,2}/gi,
  ),
  detector("gateway-token", ["mcpgw_"], /mcpgw_[\w-]{43,}/g),
  detector("huggingface-token", ["hf_"], /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}/g),
  detector("docker-token", ["dckr_pat_", "dckr_oat_"], /dckr_[po]at_[\w-]{20,}/g),
  detector("vault-token", ["hvs.", "hvb."], /(?<![A-Za-z0-9])hv[sb]\.[\w-]{24,}/g),
  detector(
    "shopify-token",
    ["shpat_", "shpca_", "shppa_", "shpss_"],
    /shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32,}/g,
  ),
  detector("linear-key", ["lin_api_"], /lin_api_[A-Za-z0-9]{32,}/g),
  detector("grafana-token", ["glsa_"], /glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}/g),
  detector("groq-key", ["gsk_"], /(?<![A-Za-z0-9])gsk_[A-Za-z0-9]{40,}/g),
  detector("postman-key", ["PMAK-"], /PMAK-[0-9a-f]{24}-[0-9a-f]{34}/g),
  detector("databricks-token", ["dapi"], /(?<![A-Za-z0-9])dapi[0-9a-f]{32}(?![0-9a-z])/g),
  detector("age-key", ["AGE-SECRET-KEY-"], /AGE-SECRET-KEY-1[A-Z0-9]{50,}/g),
  detector("atlassian-token", ["ATATT3"], /ATATT3[\w=-]{40,}/g),
  // A presigned link names the key's id in clear, which alone opens nothing.
  detector(
    "aws-access-key",
    ["AKIA", "ASIA", "ABIA", "ACCA"],
    /(?<![A-Z0-9])(?<!X-Amz-Credential=)(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])/g,
    { inUris: false },
  ),
  detector("jwt", ["eyJ"], /(?<![\w-])eyJ[\w-]{10,}\.[\w-]*\.[\w-]*(?:\.[\w-]+\.[\w-]+)?/g, {
    accepts: isJwt,
    inUris: false,
  }),
  detector(
    "bearer-token",
    ["earer ", "EARER "],
    /(?<=(?<![A-Za-z0-9])bearer {1,4})[\w.~+/-]{16,}={0,2}(?![\w="])/gi,
    { accepts: (match) => /\d/.test(match) || match.length >= 32 },
  ),
  detector(
    "basic-credentials",
    ["Basic ", "basic "],
    /(?<=(?<![A-Za-z0-9])basic {1,4})[A-Za-z0-9+/]{12,}={0,2}/gi,
    { accepts: isBasic },
  ),
];

/** One test for every mark. */
export const anyMark = new RegExp(
  [...new Set(detectors.flatMap((each) => each.marks))]
    .map((mark) => mark.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("|"),
);

/** The header of a JWS or JWE is JSON with an algorithm (RFC 7515 section 4, RFC 7516 section 4). */
function isJwt(match: string): boolean {
  const header = decodeBase64(match.slice(0, match.indexOf(".")));
  return header !== undefined && /"(?:alg|enc)"\s{0,8}:/.test(header);
}

/** `user:password` (RFC 7617). */
function isBasic(match: string): boolean {
  const pair = decodeBase64(match);
  return pair !== undefined && /^[ -~\u0080-\u00ff]{0,256}:[ -~\u0080-\u00ff]{1,256}$/.test(pair);
}
