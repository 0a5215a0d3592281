/** Holds the lock named on its command line until it is ended. */
import { openRuntime } from "../../src/runtime/index.ts";

const runtime = await openRuntime();
await runtime.lock(process.argv[2] ?? "");
console.log("held");
setInterval(() => undefined, 60_000);
