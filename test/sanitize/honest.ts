/** Texts as servers send them, made to a length: none of them may be too costly to search. */

function fill(unit: (index: number) => string): (length: number) => string {
  return (length) => {
    const parts: string[] = [];
    for (let size = 0, index = 0; size < length; index++) {
      const part = unit(index);
      size += part.length;
      parts.push(part);
    }
    return parts.join("").slice(0, length);
  };
}
function noise(length: number): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const parts: string[] = [];
  let state = 7;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    parts.push(letters.charAt((state >>> 8) & 63));
  }
  return parts.join("");
}
const log = (index: number) =>
  JSON.stringify({
    time: "2026-07-28T10:00:00.123Z",
    level: "info",
    id: `8d3c4f9e-11aa-4b6e-9a2f-${String(index).padStart(12, "0")}`,
    message: `GET /v1/reports/${index} 200 in ${index % 90} ms`,
    user: { name: "Ann", token: "none", key: index, city: "Bergen" },
  });

export const honest: readonly (readonly [name: string, make: (length: number) => string])[] = [
  [
    "prose",
    fill(
      () =>
        "The forecast for Bergen says rain: 12 degrees, wind from the west; take a coat. It's “ok”.\n",
    ),
  ],
  ["JSON logs", fill((index) => `${log(index)}\n`)],
  ["JSON logs in JSON", fill((index) => `${JSON.stringify(log(index))}\n`)],
  ["base64", noise],
  ["base64 of text", (length) => btoa("The forecast says rain: 12 degrees.\n".repeat(length / 48))],
  ["MIME lines", fill((index) => `${noise(76).slice(index % 7)}${"A".repeat(index % 7)}\r\n`)],
  [
    "hex digests",
    fill((i) => `${"9f86d081884c7d659a2feaa0c55ad015".repeat(2)}  src/file-${i}.ts\n`),
  ],
  [
    "minified scripts",
    fill(
      (i) =>
        `function a${i}(e,t){var n=e.key,r={type:"string",key:"id",token:n};return t?r.value=n+"\\n":(r.a=1,r.b=2),e&&e.key==="x"?n:r}`,
    ),
  ],
  [
    "links",
    fill(
      (i) =>
        `https://example.com/reports/2026/${i}?page=2&sort=name%20asc&utm_source=a&next_token=abc${i}#top\n`,
    ),
  ],
  ["CSV", fill((i) => `${i},"Ann ${i}",ann${i}@example.com,2026-07-28,12.50,NO,"a; b"\n`)],
  ["HTML", fill((i) => `<a class="x" href="/r/${i}?a=1&amp;b=2">Rain &amp; wind&nbsp;${i}</a>\n`)],
  ["Windows paths", fill((i) => `C:\\Users\\ann\\Documents\\new\\report-${i}.txt\n`)],
  ["environments", fill((i) => `PATH_${i}=/usr/local/bin\nAPI_KEY=$KEY\nDB_PASSWORD=changeme\n`)],
  ["Chinese", fill(() => "卑尔根的天气预报说，早上有雨，气温十二度；西风：请带外套。")],
  ["Persian", fill(() => "می\u200cخواهم به کتاب\u200cخانه بروم و هوا بارانی است. ")],
  ["emoji", fill(() => "Rain \u{1f327}\ufe0f and family \u{1f469}\u200d\u{1f469}\u200d\u{1f467} ")],
  ["a coloured terminal", fill((i) => `\u001b[32m✓\u001b[39m test ${i} passes in the house\n`)],
];
