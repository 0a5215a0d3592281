/** May they. */
export { strictest } from "./adjust.ts";
export { blockFault } from "./block-fault.ts";
export { createBlockIndex } from "./block-index.ts";
export type { BlockFile } from "./block-keep.ts";
export { type Blocks, type BlocksOptions, openBlocks } from "./blocks.ts";
export type { Decision } from "./decide.ts";
export type { ExplainedRule, Explanation } from "./explain.ts";
export type { Call } from "./facts.ts";
export type { Judgement } from "./judge.ts";
export { type NamePattern, patternsFor, toKinds, toTargets } from "./pattern.ts";
export { type Policy, createPolicy } from "./policy.ts";
export { withArguments } from "./set-value.ts";
export type { Shaping } from "./shape.ts";
export type { Blocked, Caller, Subject, Thing } from "./subject.ts";
export type { RuleAnswer } from "./witness.ts";
