/** The names of calls that wait for input: they say which process they wait in. */

export function toHeldName(instance: string, count: number): string {
  return `held-${instance}-${count}`;
}

/** The process that a name tells of; undefined for what is no such name. */
export function holderOf(name: string): string | undefined {
  return /^held-(\w{1,64})-\d{1,15}$/.exec(name)?.[1];
}
