/** Shapes that cost the sanitizer most, each made to a length of about `length` characters of JSON. */

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const fill = (unit: string) => (length: number) =>
  unit.repeat(Math.max(1, Math.floor(length / JSON.stringify(unit).slice(1, -1).length)));
/** A text that differs from place to place, so that nothing can be remembered. */
const fillWith = (unit: (index: number) => string) => (length: number) => {
  const parts: string[] = [];
  for (let size = 0, index = 0; size < length; index++) {
    const part = unit(index);
    size += JSON.stringify(part).length - 2;
    parts.push(part);
  }
  return parts.join("");
};
const list = (unit: (index: number) => unknown) => (length: number) => {
  const items: unknown[] = [];
  for (let size = 0; size < length;) {
    const item = unit(items.length);
    size += JSON.stringify(item).length + 1;
    items.push(item);
  }
  return items;
};
const keys = (key: (index: number) => string, value: unknown) => (length: number) => {
  const members: [string, unknown][] = [];
  const size = JSON.stringify(key(0)).length + JSON.stringify(value).length + 2;
  for (let index = 0; index * size < length; index++) members.push([key(index), value]);
  return Object.fromEntries(members);
};
function digits(index: number, length: number): string {
  let out = "";
  for (let left = index; out.length < length; left >>>= 5) out = base32.charAt(left & 31) + out;
  return out;
}
const nested = (depth: number, key: string, inner: unknown) => {
  let value = inner;
  for (let level = 0; level < depth; level++) value = { [key]: value };
  return value;
};
const token = `ghp_${"aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6"}`;
const random = (length: number, alphabet: string) => {
  let state = 42;
  let out = "";
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    out += alphabet.charAt((state >>> 8) % alphabet.length);
  }
  return out;
};
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export const hostile: readonly (readonly [name: string, make: (length: number) => unknown])[] = [
  ["assignments around hidden characters", fill("secret\u200b=\u200b")],
  ["assignments of hidden values", fill("password\u200b=\u200bhunter22 ")],
  ["assignments", fill("api_key='")],
  ["assignments of assignments", fill("secret=")],
  ["assignments of weak names", fill("pwd=abc ")],
  ["assignments found", fill("password=hunter2 ")],
  ["assignments to long words", fill(`token:${"a".repeat(1_100)}`)],
  ["assignments to open quotes", fill('password="')],
  ["assignments to escaped quotes", fill(`password="${'\\"'.repeat(500)}`)],
  ["assignments with long names", fill(`${"a_".repeat(20)}key:x `)],
  ["assignments to expressions", fill("token=a.a.a.a.a.a.a.a ")],
  ["assignments in fullwidth", fill("secret\uff1dx")],
  ["assignments in entities", fill("secret&equals;&Tab;")],
  ["signs", fill(":=")],
  ["names and signs", fill("key=")],
  ["userinfo", fill("http://a:b@")],
  ["userinfo found", fill("http://a:secret12@h ")],
  ["userinfo with no end", fill("h://a:")],
  ["userinfo, long", fill(`h://${"a".repeat(120)}:${"b".repeat(250)}`)],
  ["schemes, long", fill(`${"a".repeat(24)}://x:y@z`)],
  ["hidden characters", fill("a\u200b")],
  ["hidden characters alone", fill("\u200b")],
  ["joiners", fill("a\u200d")],
  ["joiners that join", fill("\u0915\u200d")],
  ["joiners of emoji", fill("\u{1f469}\u200d")],
  ["tags", fill("\u{e0041}")],
  ["halves of tags", fill("\udb40")],
  ["terminal sequences", fill("\u001b[31m")],
  ["terminal strings without end", fill("\u001b]")],
  ["terminal sequences without end", fill("\u001b[")],
  ["terminal intermediates", fill("\u001b[0 ")],
  ["percent-encoding", fill("%41")],
  ["percent-encoded assignments", fill("secret%3D")],
  ["entities", fill("&#65;")],
  ["entities without end", fill("&abcdefgh")],
  ["hidden entities", fill("&#8203;")],
  ["escapes", fill("\\u0041")],
  ["escapes of hidden", fill("\\u200b")],
  ["backslashes", fill("\\")],
  ["fullwidth", fill("\uff41")],
  ["mathematical letters", fill("\ud835\udc00")],
  ["ligatures", fill("\ufb03")],
  ["base64 of text", (length) => btoa("the cat sat on a mat ".repeat(length / 28))],
  ["base64 of assignments", (length) => btoa("secret=".repeat(length / 9.4))],
  ["base64 of links", (length) => btoa("http://a:b@".repeat(length / 14.7))],
  ["base64 words", fill(`${btoa("secret=secret:secret=")} `)],
  ["base64 words out of step", fill(`A${btoa("secret=secret:secret=")}A `)],
  ["base64 lines", fill(`${btoa("k:v=".repeat(14))}\n`)],
  ["base64 of noise", (length) => random(length, `${letters}+/`)],
  ["hex of text", fill("736563726574")],
  ["hex words", fill(`${"7365637265743d".repeat(3)} `)],
  ["hex of signs", fill("3a3d")],
  ["slashed words", fill("Ab/".repeat(8) + " ")],
  ["short runs", fill("abcdefghijklmnop ")],
  ["marks", fill("sk-ghp_xoxAKIAeyJ ")],
  ["all marks", fill("ghp_glpat-xoxa-SKdapieyJSG.hf_gsk_hvs.AKIA_v1_:AAnpm_ABCDEFGHIJKLMNOPQ ")],
  ["marks before runs", fill("AIza-eyJaaaaaaaaaaaaaaaaaaaaaa.")],
  ["tokens", fill(`${token} `)],
  ["tokens side by side", fill(`${token}-`)],
  ["tokens hidden", fill(`${[...token].join("\u200b")} `)],
  ["tokens that differ", fillWith((index) => `AKIA${digits(index, 16)} `)],
  ["keys of AWS with secrets", fillWith((i) => `AKIA${digits(i, 16)} ${random(40, letters)} `)],
  ["JWT headers", fill("eyJhbGciOiJ.")],
  ["JWT headers that are none", fill(`eyJ${"a".repeat(60)}..`)],
  ["JWT header without end", (length) => `eyJ${"eyJ-".repeat(length / 4)}`],
  ["JWT parts", fill("eyJhbGciOiJIUzI1NiJ9.e.e.")],
  ["bearer", fill("bearer bearer ")],
  ["bearer words", fill("bearer aaaaaaaaaaaaaaaaaaaa ")],
  ["basic", fill("basic dXNlcjpwYXNzd29yZA ")],
  ["basic that is none", fill("basic aaaaaaaaaaaaaaaa ")],
  ["telegram", fill("12345678:AAaaaaaaaaaaaaaaaaaaaa")],
  ["google", fill("AIzaaaaaaaaaaaaaaaaaaaaaa.")],
  ["sendgrid", fill(`SG.${"a".repeat(60)}.`)],
  ["gitlab", fill(`glpat-${"a".repeat(20)}.aa.`)],
  ["openai", fill("sk-aaaaaaaaaaaaaaaaaaaaaaaa ")],
  ["azure", fill("AccountKey='    :    ")],
  ["discord", fill("discord.com/api/webhooks/123456789012345678901234/")],
  ["private key headers", fill("-----BEGIN PRIVATE KEY-----")],
  ["private key headers and bodies", fill(`-----BEGIN PRIVATE KEY-----${"a".repeat(20)}!`)],
  ["private key bodies", fill(`-----BEGIN PRIVATE KEY-----${" ".repeat(1000)}`)],
  ["private key footers", fill("-----BEGIN-----END PRIVATE KEY-----")],
  ["private keys with hidden", fill("-----BEGIN PRIVATE KEY-----\u200baaaaaaaaaaaaaaaaaaaa")],
  ["everything", fill(`${token}secret\u200b=\u200bhttp://a:b@%41&#65;-----BEGIN PRIVATE KEY-----`)],
  ["list of assignments", list(() => "password=hunter2")],
  ["list of words", list(() => "abcdefghijklmnop")],
  ["list of hidden", list(() => "a\u200b")],
  ["list of tokens", list((index) => `AKIA${digits(index, 16)}`)],
  ["list of numbers", list(() => 1)],
  ["list of empty objects", list(() => ({}))],
  ["list of passwords", list(() => ({ password: "hunter2" }))],
  ["list deep down", (length) => nested(100, "a", list(() => "password=hunter2")(length))],
  ["list below a token", (length) => nested(9, `${token} x`, list(() => "pwd=hunter22")(length))],
  [
    "list below a long key",
    (length) => nested(1, "x".repeat(length / 2), list(() => "pwd=hunter22")(length / 2)),
  ],
  ["deep trees", list(() => nested(100, "a", "password=hunter2"))],
  ["keys that are tokens", keys((index) => `AKIA${digits(index, 16)}`, 1)],
  ["keys that are hidden", keys((index) => `a\u200b${digits(index, 8)}`, 1)],
  ["keys that redact to one", keys((index) => `password=hunter${index + 1_000_000}`, 1)],
  [
    "keys numbered before",
    keys((i) => (i % 2 ? `AKIA${digits(i, 16)}` : `[redacted:aws-access-key]#${i}`), 1),
  ],
  ["sensitive keys", keys((index) => `${digits(index, 8)}_password`, "hunter2!")],
  [
    "keys like sensitive ones",
    keys((index) => `a_a_a_a_a_a_a_${digits(index, 8)}_key`, "hunter2!"),
  ],
  ["long sensitive keys", keys((index) => `${"aA-".repeat(38)}${digits(index, 8)}key`, "x1234567")],
];
