/**
 * A screen that nobody sees: Xvfb, for programs that need a window.
 */
import { spawn } from "node:child_process";
import { until } from "./until.ts";

export type Screen = {
  /** For the variable `DISPLAY`. */
  readonly display: string;
  readonly stop: () => Promise<void>;
};

/** Starts one of 800 x 600 pixels under a number that is free. */
export async function startScreen(): Promise<Screen> {
  const args = ["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"];
  const child = spawn("Xvfb", args, { stdio: ["ignore", "pipe", "pipe"] });
  let number = "";
  let talk = "";
  child.stdout.on("data", (bytes) => number += String(bytes));
  child.stderr.on("data", (bytes) => talk += String(bytes));
  const exited = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      talk += error.message;
      resolve();
    });
    child.once("close", () => resolve());
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
  };
  try {
    await until(() => number.endsWith("\n"), 10_000);
  } catch (error) {
    await stop();
    throw new Error(`Xvfb did not start: ${talk}`, { cause: error });
  }
  return { display: `:${number.trim()}`, stop };
}
