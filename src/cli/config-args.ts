/** The words that name a config, for every command that reads one; `what` is its name in the help. */
export function toConfigArgs(what: string) {
  return {
    config: {
      type: "string",
      description: `${what} (default: gateway.config.ts, .js, .mjs or .json)`,
      valueHint: "FILE",
    },
    "env-file": envFileArg,
  } as const;
}

export const envFileArg = {
  type: "string",
  description: "Read instead of the .env beside it",
  valueHint: "FILE",
} as const;
