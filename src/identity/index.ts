/** Who is calling. */
export { clientAddress, isLoopback } from "./address.ts";
export {
  type Credentials,
  type Identified,
  type Identity,
  type Refusal,
  createIdentity,
} from "./authenticate.ts";
export {
  type OperatorSettings,
  type Operators,
  type OperatorsSettings,
  createOperators,
} from "./operators.ts";
export { checkToken, createToken, hashToken } from "./token.ts";
