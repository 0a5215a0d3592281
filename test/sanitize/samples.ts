/** Made-up secrets, put together here so that no scanner of this repository takes them for real. */
const mixed = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6dE9fG2hJ5kL8mN1pQ4rS7tU0vW3xY6zA9bC2";
const hex = "0123456789abcdef".repeat(6);
const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(3);

function word(length: number): string {
  return mixed.slice(0, length);
}
function glue(...parts: readonly string[]): string {
  return parts.join("");
}
function encoded(value: unknown): string {
  return btoa(JSON.stringify(value)).replace(/=+$/, "");
}

export const githubToken = glue("ghp_", word(36));
export const jwt = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded({ sub: "1234567890" })}.${word(43)}`;
export const privateKey = [
  glue("-----BEGIN RSA ", "PRIVATE KEY-----"),
  mixed.slice(0, 64),
  mixed.slice(5, 69),
  glue("-----END RSA ", "PRIVATE KEY-----"),
].join("\n");

/** The kind that is named, and a secret that is gone from anywhere afterwards. */
export const secrets: readonly (readonly [kind: string, secret: string])[] = [
  ["aws-access-key", glue("AKIA", upper.slice(0, 16))],
  ["aws-access-key", glue("ASIA", upper.slice(3, 19))],
  ["github-token", githubToken],
  ["github-token", glue("gho_", word(36))],
  ["github-token", glue("ghu_", word(36))],
  ["github-token", glue("ghs_", word(36))],
  ["github-token", glue("ghr_", word(36))],
  ["github-token", glue("github_", "pat_", word(22), "_", word(59))],
  ["gitlab-token", glue("glpat-", word(20))],
  ["slack-token", glue("xoxb-", "123456789012-123456789012-", word(24))],
  ["slack-token", glue("xoxp-", "123456789012-123456789012-", word(24))],
  ["slack-token", glue("xapp-", "1-A0123456789-1234567890-", word(24))],
  ["stripe-key", glue("sk_", "live_", word(24))],
  ["stripe-key", glue("rk_", "live_", word(24))],
  ["openai-key", glue("sk-", word(48))],
  ["openai-key", glue("sk-", "proj-", word(64))],
  ["anthropic-key", glue("sk-", "ant-api03-", word(60))],
  ["google-api-key", glue("AIza", word(35))],
  ["google-oauth-token", glue("ya29.", word(60))],
  ["google-client-secret", glue("GOCSPX-", word(28))],
  ["npm-token", glue("npm_", word(36))],
  ["pypi-token", glue("pypi-", "AgEIcHlwaS5vcmc", word(60))],
  ["jwt", jwt],
  ["private-key", privateKey],
  ["sendgrid-key", glue("SG.", word(22), ".", word(43))],
  ["twilio-key", glue("SK", hex.slice(0, 32))],
  ["telegram-token", glue("1234567890:AA", word(33))],
  ["digitalocean-token", glue("dop_", "v1_", hex.slice(0, 64))],
  ["gateway-token", glue("mcpgw_", word(43), "abc123")],
  ["huggingface-token", glue("hf_", word(34))],
  ["docker-token", glue("dckr_", "pat_", word(27))],
  ["vault-token", glue("hvs.", word(40))],
  ["shopify-token", glue("shpat_", hex.slice(0, 32))],
  ["databricks-token", glue("dapi", hex.slice(0, 32))],
];

/** What goes out of a text that names or wraps it: kind, text, and the secret in it. */
export const inContext: readonly (readonly [kind: string, text: string, secret: string])[] = [
  ["slack-webhook", `https://hooks.slack.com/services/T01234567/B01234567/${word(24)}`, word(24)],
  ["azure-storage-key", `AccountName=shop;AccountKey=${word(70)}==;EndpointSuffix=x`, word(70)],
  ["url-password", `postgres://app:${word(12)}@db.example.com:5432/shop`, word(12)],
  ["url-password", `redis://:${word(12)}@cache:6379/0`, word(12)],
  ["url-password", `mongodb+srv://app:p%40${word(12)}@cluster/db`, word(12)],
  ["bearer-token", `curl -H with Bearer ${word(40)} works`, word(40)],
  ["authorization", `Authorization: Bearer ${word(10)}`, word(10)],
  ["basic-credentials", `Authorization: Basic ${btoa("admin:hunter2x")}`, btoa("admin:hunter2x")],
  ["basic-credentials", `sent basic ${btoa("admin:hunter2x")} twice`, btoa("admin:hunter2x")],
  ["password", "password=hunter2", "hunter2"],
  ["password", "DB_PASSWORD=correcthorse", "correcthorse"],
  ["password", "password: 'tr0ub4dor&3'", "tr0ub4dor&3"],
  ["password", '{"dbPassword": "s3cr3t \\" x"}', "s3cr3t"],
  ["api-key", `api_key: ${word(20)}`, word(20)],
  ["api-key", `X-API-Key: ${word(20)}`, word(20)],
  ["client-secret", `clientSecret = "${word(20)}"`, word(20)],
  ["token", `https://x.example/?access_token=${word(20)}&y=1`, word(20)],
  ["aws-secret-key", `aws_secret_access_key = ${word(40)}`, word(40)],
  ["aws-secret-key", `${"AKIA" + upper.slice(0, 16)} ${word(40)}`, word(40)],
];
