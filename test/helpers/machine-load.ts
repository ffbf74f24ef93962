/**
 * A machine that has other things to do: processes that take all the time they are given.
 */
import { spawn } from "node:child_process";

/** However its starter ends, none of them runs for longer. */
const MAX_S = 900;

/** Starts `count` of them; they are gone after the returned function. */
export function loadMachine(count: number): () => void {
  const children = Array.from(
    { length: count },
    () => spawn("timeout", [String(MAX_S), "sh", "-c", "while :; do :; done"], { stdio: "ignore" }),
  );
  return () => {
    for (const child of children) child.kill("SIGTERM");
  };
}
