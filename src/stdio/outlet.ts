/** The way out: one message per line, one line at a time. */

export interface Outlet {
  /** Settles when the reader's pipe took the line, so that who waits for it writes no faster. */
  readonly put: (message: string) => Promise<void>;
  /** Settles when nobody reads any more. */
  readonly gone: Promise<void>;
}

export function createOutlet(write: (text: string) => Promise<void>): Outlet {
  let leave: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    leave = resolve;
  });
  let isGone = false;
  let last: Promise<void> = Promise.resolve();
  const step = async (line: string): Promise<void> => {
    if (isGone) return;
    try {
      await write(line);
    } catch {
      isGone = true;
      leave();
    }
  };
  return {
    put: (message) => {
      const line = `${oneLine(message)}\n`;
      last = last.then(() => step(line));
      return last;
    },
    gone,
  };
}

/** JSON may hold line breaks between its values, and never inside its strings. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]/g, " ") : json;
}
