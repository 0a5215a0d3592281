/** Things that may be thrown away, under one cap for all their owners together. */
export interface Shelf<T> {
  /** Counts as used just now, with what it weighs now. */
  readonly put: (item: T, owner: string, weight: number) => void;
  readonly drop: (item: T) => void;
  readonly weight: () => number;
  /** Entries in memory. */
  readonly entries: () => number;
}

interface Place {
  readonly owner: string;
  readonly weight: number;
}
interface Owned<T> {
  weight: number;
  /** In the order of their last use. */
  readonly items: Set<T>;
}

/**
 * Over the cap, the owner with the greatest weight loses what it used least recently, so that who
 * fills the shelf pushes nobody else's things off it. Owners are few: the clients of the config.
 */
export function createShelf<T>(maxWeight: number, threw: (item: T) => void): Shelf<T> {
  const places = new Map<T, Place>();
  const owners = new Map<string, Owned<T>>();
  let total = 0;

  const drop = (item: T): void => {
    const place = places.get(item);
    const owned = place && owners.get(place.owner);
    if (place === undefined || owned === undefined) return;
    places.delete(item);
    owned.items.delete(item);
    owned.weight -= place.weight;
    total -= place.weight;
    if (owned.items.size === 0) owners.delete(place.owner);
  };
  const isOver = (): boolean => total > maxWeight;
  const throwOne = (): void => {
    let heaviest: Owned<T> | undefined;
    for (const owned of owners.values()) {
      if (owned.weight > (heaviest?.weight ?? 0)) heaviest = owned;
    }
    for (const item of heaviest?.items ?? []) {
      drop(item);
      threw(item);
      return;
    }
  };

  return {
    put: (item, owner, weight) => {
      drop(item);
      const owned = owners.get(owner) ?? { weight: 0, items: new Set<T>() };
      owners.set(owner, owned);
      owned.items.add(item);
      owned.weight += weight;
      places.set(item, { owner, weight });
      total += weight;
      while (isOver()) throwOne();
    },
    drop,
    weight: () => total,
    entries: () => places.size + owners.size,
  };
}
