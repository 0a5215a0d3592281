/** Whether a text shows a person less than it holds. */
import { cleanText } from "./text.ts";

/** True where it holds hidden characters or terminal sequences, or is too costly to search for them. */
export function hides(text: string): boolean {
  return cleanText(text, { secrets: "off", hidden: "strip" }).text !== text;
}
