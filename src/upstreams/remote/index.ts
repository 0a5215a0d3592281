/** Calls that wait for input in one process and go on for another one. */
export { holderOf } from "./name.ts";
export { type Remote, type RemotePorts, createRemote } from "./remote.ts";
export { type Round, type RoundMessage, type TakeUp, over } from "./round.ts";
