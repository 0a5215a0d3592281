/** What loading a config needs of the ground. */
export interface ConfigPorts {
  /** UTF-8; undefined where there is no such file; rejects where it cannot be read. */
  readonly readText: (path: string) => Promise<string | undefined>;
  /** Creates a file with mode 0600; rejects where it exists. */
  readonly writeNew: (path: string, text: string) => Promise<void>;
  /** What a program prints on standard output; rejects where it fails or takes too long. */
  readonly run: (command: readonly string[]) => Promise<string>;
  /** Lower-case hex. */
  readonly sha256: (text: string) => string;
  /** At least 256 random bits, as text that a bearer token can carry. */
  readonly randomToken: () => string;
}
