/** May they. */
export {
  type Decision,
  type Judgement,
  type Policy,
  type Subject,
  type Thing,
  createPolicy,
} from "./policy.ts";
