/** JSON values that a reader which parses and prints again would change. */
import fc from "fast-check";

const deep = (levels: number): string => `${'{"d":['.repeat(levels)}1.0${"]}".repeat(levels)}`;

/** JSON texts, with a line break of one `\n` at most between two tokens. */
export const exactValues: readonly (readonly [what: string, text: string])[] = [
  ["an integer beyond 2^53", "9007199254740993"],
  ["a hundred digits", "1234567890".repeat(10)],
  ["spellings of one", "[1,1.0,1.00,1e0,1E+0,10e-1,0.1e1,-0,-0.0,0e5]"],
  [
    "a number that no double holds",
    '{"huge":1e400,"tiny":-1e-400,"pi":3.14159265358979323846264338}',
  ],
  ["escaped and raw letters", '["\\u00e9\\u4E2d","é中","\\/","/","\\ud83d\\ude00","😀","\\u0041"]'],
  ["escapes", '"tab\\tquote\\"back\\\\slash\\r\\nline\\u000Aend"'],
  ["white space between the tokens", '{ "a" :\t[ 1 ,\n 2 ,{ } , [ ] ]\n,  "b" : null }'],
  ["an order of keys that engines change", '{"10":1,"2":2,"b":3,"1":4,"a":5,"":6,"01":7}'],
  ["keys of every object", '{"constructor":1,"toString":{"valueOf":2},"hasOwnProperty":[]}'],
  ["escaped keys", '{"\\u0061bc":1,"d\\/e":2,"\\ud83d\\ude00":3,"name\\u003d":4}'],
  ["empty things", '{"o":{},"a":[],"s":"","n":null,"oo":[{},[{}],""]}'],
  ["a hundred levels", deep(50)],
  ["true, false and null", '[true,false,null,{"true":false}]'],
  ["text that looks like JSON-RPC", '"{\\"jsonrpc\\":\\"2.0\\",\\"id\\":1,\\"method\\":\\"x\\"}"'],
  ["text that looks like an event", '"\\n\\ndata: x\\n\\nevent: y\\nid: 7"'],
  ["line separators of JavaScript", '"a\\u2028b\\u2029c"'],
];

/** A string of so many characters, of every length that UTF-8 has. */
export const longText = (length: number): string => `"${"aé中😀 ".repeat(length / 6)}"`;

const space = fc.constantFrom("", "", "", " ", "\t", "  ", "\n");
const digits = fc.stringMatching(/^[0-9]{1,30}$/);
const number = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9][0-9]{0,30}$/)),
    fc.option(digits, { nil: undefined }),
    fc.option(fc.tuple(fc.constantFrom("e", "E", "e+", "E-"), fc.stringMatching(/^[0-9]{1,4}$/)), {
      nil: undefined,
    }),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      `${sign}${whole}${fraction === undefined ? "" : `.${fraction}`}${exponent?.join("") ?? ""}`,
  );
const hex = (unit: number): string => `\\u${unit.toString(16).padStart(4, "0")}`;
/** Every character, raw or escaped; surrogates come in pairs. */
const character = fc
  .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 1 }), fc.boolean())
  .map(([text, isEscaped]) => {
    const units = text.split("");
    const mustEscape = text < " " || text === '"' || text === "\\";
    return isEscaped || mustEscape ? units.map((u) => hex(u.charCodeAt(0))).join("") : text;
  });
const letter = fc.constantFrom(
  "a",
  "B",
  "7",
  " ",
  "_",
  "-",
  "é",
  "中",
  "😀",
  "\\/",
  "\\n",
  "\\u0042",
);

/** Any JSON text; with letters alone there is nothing in it that sanitizing looks for. */
export function jsonTexts(characters: "any" | "letters"): fc.Arbitrary<string> {
  const unit = characters === "any" ? character : letter;
  const body = fc.array(unit, { maxLength: 12 }).map((units) => units.join(""));
  const string = body.map((text) => `"${text}"`);
  const { value } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(number, string, fc.constantFrom("true", "false", "null")),
      tie("array"),
      tie("object"),
    ),
    array: fc
      .array(fc.tuple(space, tie("value"), space), { maxLength: 5 })
      .map((items) => `[${items.map((parts) => parts.join("")).join(",")}]`),
    object: fc
      .array(fc.tuple(space, string, space, space, tie("value"), space), { maxLength: 5 })
      .map((members) => {
        const seen = new Set<unknown>(["__proto__"]);
        const texts = members.flatMap(([a, key, b, c, item, d]) => {
          const read: unknown = JSON.parse(key);
          if (seen.has(read)) return [];
          seen.add(read);
          return [`${a}${key}${b}:${c}${item}${d}`];
        });
        return `{${texts.join(",")}}`;
      }),
  }));
  return value;
}
