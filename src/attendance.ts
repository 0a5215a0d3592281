/** How many are here, and when nobody is any more. */
export interface Attendance {
  /** Gives back how to leave; leaving twice is leaving once. */
  readonly enter: () => () => void;
  /** Settles when nobody is here. */
  readonly idle: () => Promise<void>;
}

export function createAttendance(): Attendance {
  let present = 0;
  let waiting: (() => void)[] = [];
  const settle = (): void => {
    if (present > 0) return;
    for (const tell of waiting) tell();
    waiting = [];
  };
  return {
    enter: () => {
      let isHere = true;
      present++;
      return () => {
        if (!isHere) return;
        isHere = false;
        present--;
        settle();
      };
    },
    idle: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        settle();
      }),
  };
}
