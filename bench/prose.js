/** Text as tools give it: words, numbers, names, paths, no secrets; the same at each run. */

const words =
  "the report of region and value for each order was sent to team with status open at path item total user note because request list update page from file name type index result".split(
    " ",
  );

export function proseOf(bytes) {
  let seed = 7;
  const next = (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const pieces = [];
  let length = 0;
  while (length < bytes) {
    const kind = next(20);
    let piece = words[next(words.length)];
    if (kind === 0) piece = `${piece}-${next(100_000)}`;
    if (kind === 1) piece = `/${piece}/${words[next(words.length)]}.txt`;
    if (kind === 2) piece = `"${piece}": ${next(1_000) / 10},\n`;
    pieces.push(piece);
    length += piece.length + 1;
  }
  return pieces.join(" ").slice(0, bytes);
}
