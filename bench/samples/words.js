/** Looks for three words in a text without a regular expression, for the measurements. */
import { allow, definePlugin, redact } from "mcp-gw/plugin";

const words = ["Project Falcon", "CONFIDENTIAL", "internal-only"];

export default definePlugin({
  name: "words",
  version: "1.0.0",
  onText(text) {
    const spans = [];
    for (const word of words) {
      for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + word.length)) {
        spans.push([at, at + word.length, "[removed]"]);
      }
    }
    return spans.length > 0 ? redact(spans) : allow();
  },
});
