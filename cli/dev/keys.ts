/**
 * Single keys at the terminal while `sluice dev` runs.
 */
import type { ReadStream } from "node:tty";

export type KeyActions = Readonly<Record<string, () => void>>;

const CTRL_C = "\u0003";

/** Listens for keys; Ctrl-C calls `onInterrupt`. Returns what gives the terminal back. */
export function listenForKeys(
  stdin: ReadStream,
  actions: KeyActions,
  onInterrupt: () => void,
): () => void {
  const onData = (data: Buffer) => {
    for (const key of data.toString("utf8")) {
      if (key === CTRL_C) onInterrupt();
      else actions[key.toLowerCase()]?.();
    }
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  stdin.resume();
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
