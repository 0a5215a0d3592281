/** Lets other commands find the gateway of this process. */
import type { LoadedConfig } from "../config/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Started } from "../serve.ts";
import { tokenOf } from "./client-token.ts";
import { runFileOf, writeRunFile } from "./run-file.ts";

export interface Announcement {
  /** One that cannot be told serves all the same. */
  readonly tell: (
    running: LoadedConfig,
    started: Pick<Started, "adminUrl" | "url">,
  ) => Promise<void>;
  readonly forget: () => Promise<void>;
}

export function createAnnouncement(
  runtime: Runtime,
  known: { readonly tokens: () => ReadonlyMap<string, string>; readonly adminToken: string },
): Announcement {
  let forget = async (): Promise<void> => undefined;
  /** One after the other, so that the last one stands. */
  let told: Promise<void> = Promise.resolve();
  let isOver = false;
  const tell: Announcement["tell"] = async (running, { url, adminUrl }) => {
    if (isOver) return;
    const { file: config, digest } = running;
    const { admin } = running.config;
    const hasUsers = admin !== false && Object.keys(admin.users).length > 0;
    const token = hasUsers ? {} : { token: known.adminToken };
    const { clients } = running.config;
    const tokens = [...known.tokens()].filter(([name, own]) => tokenOf(clients, name) === own);
    const text = {
      pid: runtime.pid,
      url,
      config,
      digest,
      clients: Object.fromEntries(tokens),
      ...(adminUrl === undefined ? {} : { admin: { url: adminUrl, ...token } }),
    };
    try {
      forget = await writeRunFile(running, text, runtime);
    } catch (error) {
      const file = runFileOf(running);
      runtime.log.warn("Other commands cannot find this gateway", { file, error: String(error) });
    }
  };
  return {
    tell: (running, started) => (told = told.then(() => tell(running, started))),
    forget: async () => {
      // A reload may be at work.
      isOver = true;
      await told;
      await forget();
    },
  };
}
