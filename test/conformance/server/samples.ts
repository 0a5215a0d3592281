/** The smallest picture and sound that are what they say, in base64. */

/** A PNG of one red pixel. */
export const redPixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/** A WAV of no samples: one channel, eight bits, 8 kHz. */
export const silence = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

/** A result of one text. */
export const textOf = (text: string) => ({ content: [{ type: "text" as const, text }] });
