/** May they. */
export { blockFault } from "./block-fault.ts";
export type { BlockFile } from "./block-keep.ts";
export { type Blocks, type BlocksOptions, openBlocks } from "./blocks.ts";
export {
  type Blocked,
  type Caller,
  type Decision,
  type Judgement,
  type Policy,
  type Subject,
  type Thing,
  createPolicy,
} from "./policy.ts";
