/**
 * One core for the server, another for what loads it.
 */
import { availableParallelism } from "node:os";

/** `taskset -c <core>`, or nothing where cores cannot be shared out. */
export function pinTo(core: number): readonly string[] {
  const canPin = Bun.which("taskset") !== null && availableParallelism() > 1;
  return canPin ? ["taskset", "-c", String(core)] : [];
}
