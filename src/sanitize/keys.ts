/** Names under which secrets are kept: `password`, `api_key`, `clientSecret`, `DB_PASS`. */

export interface SensitiveKey {
  readonly kind: string;
  /** Nothing but a secret is kept under it; under a weak one there may also be a word or a cursor. */
  readonly strong: boolean;
}

type Name = readonly [pattern: RegExp, key: SensitiveKey];

/** Read backwards from the end of a name, so that its length does not count. */
function endsWith(source: string): RegExp {
  return new RegExp(`(?<=${source})`, "y");
}

const password: readonly Name[] = [
  [endsWith("(?:password|passwd|passphrase)"), { kind: "password", strong: true }],
];

/** By the last three letters of the name, which keep most keys from being looked at any further. */
const names: ReadonlyMap<number, readonly Name[]> = new Map(
  Object.entries<readonly Name[]>({
    ord: password,
    swd: password,
    ase: password,
    ass: [
      [
        endsWith("(?:^|[a-z0-9_])(?:db|user|root|admin|mysql|smtp|ftp|ssh)_?pass"),
        { kind: "password", strong: true },
      ],
      [endsWith("(?:^|_)pass"), { kind: "password", strong: false }],
    ],
    pwd: [[endsWith("(?:^|_)pwd"), { kind: "password", strong: false }]],
    key: [
      [endsWith("aws_?secret_?(?:access_?)?key"), { kind: "aws-secret-key", strong: true }],
      [endsWith("(?:api|app|subscription)_?key"), { kind: "api-key", strong: true }],
      [
        endsWith(
          "(?:secret|private|account|shared|encryption|signing|master|secret_?access)_?(?:access_?)?key",
        ),
        { kind: "secret-key", strong: true },
      ],
    ],
    ret: [
      [
        endsWith(
          "(?:client|app|api|consumer|shared|webhook|signing|oauth|jwt|session|cookie)_?secret",
        ),
        { kind: "client-secret", strong: true },
      ],
      [endsWith("(?:^|_)secret"), { kind: "secret", strong: false }],
    ],
    ken: [
      [
        endsWith(
          "(?:access|refresh|auth|api|bearer|session|security|id|oauth|secret|bot|github|gitlab|slack|npm|personal_?access)_?token",
        ),
        { kind: "token", strong: true },
      ],
      [endsWith("(?:^|_)token"), { kind: "token", strong: false }],
    ],
    ion: [[endsWith("^(?:proxy_?)?authorization"), { kind: "authorization", strong: true }]],
    als: [[endsWith("(?:^|_)credentials"), { kind: "credentials", strong: false }]],
  }).map(([ending, each]) => [packEnding(ending, ending.length), each]),
);

/** Tokens that say where a reader is, not who it is. */
const harmless = endsWith(
  "(?:next|page|prev|previous|continuation|sync|progress|cancel|cancellation|resume|list|stop|eos|bos|pad|unk|csrf|start|end)_?(?:page_?|sync_?)?token",
);

/** What a key promises, or undefined. The spelling (`apiKey`, `API-KEY`, `x.api_key`) does not matter. */
export function toSensitiveKey(key: string): SensitiveKey | undefined {
  if (key.length < 3 || key.length > 128) return undefined;
  const candidates = names.get(packEnding(key, key.length));
  if (candidates === undefined) return undefined;
  const spelt = toSpelling(key);
  if (endsIn(spelt, harmless)) return undefined;
  for (const [pattern, promised] of candidates) if (endsIn(spelt, pattern)) return promised;
  return undefined;
}

function endsIn(spelt: string, pattern: RegExp): boolean {
  pattern.lastIndex = spelt.length;
  return pattern.test(spelt);
}

/** No pattern above is longer. */
const MAX_SPELLING = 48;

/** The end of a name in lower case with its words apart: `_` for whatever parted them. */
function toSpelling(key: string): string {
  let spelt = "";
  let isWord = false;
  for (let at = key.length - 1; at >= 0 && spelt.length < MAX_SPELLING; at--) {
    const code = key.charCodeAt(at);
    const isUpper = code >= 65 && code <= 90;
    if (isUpper || (code >= 97 && code <= 122) || (code >= 48 && code <= 57)) {
      spelt = String.fromCharCode(isUpper ? code + 32 : code) + spelt;
      isWord = true;
      if (!isUpper || at === 0 || !isLowerOrDigit(key.charCodeAt(at - 1))) continue;
    } else if (!isWord && spelt !== "") continue;
    spelt = `_${spelt}`;
    isWord = false;
  }
  return spelt;
}

function isLowerOrDigit(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
}

/** Cheap: whether the three letters before `end` are the end of a sensitive name. */
export function mayEndSensitive(text: string, end: number): boolean {
  return names.has(packEnding(text, end));
}

function packEnding(text: string, end: number): number {
  return (
    ((text.charCodeAt(end - 3) | 32) << 16) |
    ((text.charCodeAt(end - 2) | 32) << 8) |
    (text.charCodeAt(end - 1) | 32)
  );
}

const placeholders =
  /^(?:true|false|null|none|nil|undefined|string|str|text|any|number|boolean|bool|int|object|required|optional|redacted|hidden|masked|unset|empty|example|changeme|todo|tbd|n\/a|yes|no|on|off|set|enabled|disabled|default|x{3,}|\.{3,}|[*•]{2,})$|^(?:\$|<|\{|%\(|\[redacted:|\*{2,}|process\.|os\.|env\.|secrets?\.|(?:your|my|the|enter|insert|some)[ _-])/i;

/** A stand-in, a variable, a label or a marker of ours, not a secret. */
export function isPlaceholder(value: string): boolean {
  return (
    value.length < 3 ||
    placeholders.test(value) ||
    value.includes("****") ||
    // Names itself: `password: "Password"`, `api_key=api_key`
    toSensitiveKey(value) !== undefined
  );
}

/** Whether a string under a sensitive key of structured data is its secret. */
export function isSecretValue(value: string, key: SensitiveKey): boolean {
  if (isPlaceholder(value)) return false;
  return (
    key.strong ||
    (value.length >= 8 && value.length <= 8192 && !/\s/.test(value) && /\d/.test(value))
  );
}
