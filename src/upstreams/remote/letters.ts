/** Letters that have come and are not read yet, in order, up to a bound. */
import type { Failure } from "../../core/index.ts";
import type { Letter } from "./line.ts";

export interface Letters {
  /** False where there is no room for it. */
  readonly put: (letter: Letter) => boolean;
  /** Nothing comes behind this; what is here already comes before it. */
  readonly end: (why: Failure) => void;
  readonly next: () => Promise<Letter | Failure>;
}

/** `maxUnits` is the room for all of them. */
export function createLetters(maxUnits: number): Letters {
  const waiting: Letter[] = [];
  let units = 0;
  let ended: Failure | undefined;
  let wake = (): void => undefined;

  return {
    put: (letter) => {
      if (units + letter.text.length > maxUnits) return false;
      units += letter.text.length;
      waiting.push(letter);
      wake();
      return true;
    },
    end: (why) => {
      ended ??= why;
      wake();
    },
    next: async () => {
      for (;;) {
        const letter = waiting.shift();
        if (letter !== undefined) {
          units -= letter.text.length;
          return letter;
        }
        if (ended !== undefined) return ended;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
