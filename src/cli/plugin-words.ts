/** Options of a command that may be given several times, of which the parser keeps the last one alone. */

/** All values of `--name`, in their order. */
export function allOf(words: readonly string[], name: string): readonly string[] {
  const option = `--${name}`;
  return words.flatMap((word, at) => {
    if (word.startsWith(`${option}=`)) return [word.slice(option.length + 1)];
    const value = words[at + 1];
    return word === option && value !== undefined ? [value] : [];
  });
}
