/** The end of an admin request whose sender is known: reserve the record, act, write it, answer. */
import {
  type Deny,
  type InnerCode,
  type OperationRecord,
  type Operations,
  type Operator,
  type Ports,
  StoreLost,
  deny,
  problems,
} from "../core/index.ts";
import { toDoneResponse, toRefusedResponse } from "./admin-answer.ts";
import type { AdminEndpoint, Done, Task } from "./admin-endpoints.ts";
import { whereOf } from "./app.ts";

export interface AdminCall {
  readonly id: string;
  readonly address: string | undefined;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** On the clock that only grows. */
  readonly startedAt: number;
}
type ConcludePorts = Pick<Ports, "clock" | "log">;

/** What became of a call; `acted` where it was allowed to try. */
interface Outcome {
  readonly result: Done | Deny;
  readonly target: string | undefined;
  readonly acted: boolean;
}

export interface Planned {
  readonly endpoint: AdminEndpoint;
  readonly operator: Operator;
  readonly task: Task | Deny;
}

/** Refusals too are recorded. Nothing is done without room for its record. */
export async function conclude(
  operations: Operations,
  ports: ConcludePorts,
  call: AdminCall,
  planned: Planned,
): Promise<Response> {
  const refused = { requestId: call.id, tellsWhy: true };
  const unrecorded = (why: string): Response =>
    toRefusedResponse({ code: "AUDIT_UNAVAILABLE", why }, refused);
  const reservation = operations.reserve();
  if (reservation === undefined) return unrecorded("There is no room for the record of this");
  try {
    const outcome = await act(planned.task, call, ports);
    await reservation.write(toRecord(call, planned, outcome, ports));
    const { result } = outcome;
    return "verdict" in result ? toRefusedResponse(result, refused) : toDoneResponse(result);
  } catch (error) {
    ports.log.error("A record was not written", { id: call.id, at: whereOf(error) });
    return unrecorded("The record of this could not be written; it may have been done");
  } finally {
    reservation.release();
  }
}

async function act(task: Task | Deny, call: AdminCall, ports: ConcludePorts): Promise<Outcome> {
  if ("verdict" in task) return { result: task, target: undefined, acted: false };
  const result = await attempt(call, ports, task.run);
  const target = "verdict" in result ? task.target : (result.target ?? task.target);
  return { result, target, acted: true };
}

/** A lost store is said to be one; everything else that is thrown is our own fault. */
export async function attempt<T>(
  { id }: AdminCall,
  ports: ConcludePorts,
  run: () => T | Promise<T>,
): Promise<T | Deny> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreLost) return deny("STORE_UNAVAILABLE", error.message);
    ports.log.error("An admin request failed", { id, at: whereOf(error) });
    return deny("INTERNAL", "The gateway failed at this");
  }
}

function toRecord(
  { id, time, address, startedAt }: AdminCall,
  { endpoint, operator }: Planned,
  { result, target, acted }: Outcome,
  ports: ConcludePorts,
): OperationRecord {
  const isRefused = "verdict" in result;
  const decision = !isRefused && !result.failed ? "allowed" : acted ? "failed" : "denied";
  const code: InnerCode | undefined = isRefused ? result.recorded : undefined;
  return {
    id,
    time,
    address,
    operator: operator.name,
    method: endpoint.name,
    target,
    decision,
    code,
    why: result.why,
    status: isRefused ? statusOf(result) : result.status,
    ms: ports.clock.elapsed() - startedAt,
  };
}

function statusOf({ code }: Deny): number {
  return problems[code].status.modern;
}
