/** What may leave: secrets and hidden characters are taken out of every message, span by span. */
export { credentialsOf } from "./credentials.ts";
export { hides } from "./hides.ts";
export { type CleanedJson, cleanJson } from "./json.ts";
export { type LeafSpan, type TextLeaves, editLeaves, toLeaves } from "./leaves.ts";
export { type Literals, createLiterals } from "./literals.ts";
export { type CleanedMessage, cleanMessage } from "./message.ts";
export {
  type Place,
  dataPlace,
  errorPlace,
  paramsPlace,
  resultPlace,
  structurePlace,
} from "./places.ts";
export {
  type HiddenMode,
  type SanitizeSettings,
  type SecretMode,
  resolveSettings,
} from "./settings.ts";
export { type CleanedText, cleanText } from "./text.ts";
