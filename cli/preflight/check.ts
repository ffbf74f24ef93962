/**
 * One line of the preflight: what was looked at, and what it came to.
 */
import type { ExitName } from "../exit-codes.ts";

export type CheckResult = {
  /** `ffmpeg`, `port 8000`, … */
  readonly name: string;
  readonly state: "good" | "warning" | "bad";
  /** What was found, or what is wrong. */
  readonly detail: string;
  /** What to run or change; null when all is well. */
  readonly hint: string | null;
  /** The exit code it asks for when bad. */
  readonly exit: ExitName;
};

export function good(name: string, detail: string): CheckResult {
  return { name, state: "good", detail, hint: null, exit: "ok" };
}

export function warning(name: string, detail: string, hint: string): CheckResult {
  return { name, state: "warning", detail, hint, exit: "ok" };
}

export function bad(
  name: string,
  exit: ExitName,
  detail: string,
  hint: string,
): CheckResult {
  return { name, state: "bad", detail, hint, exit };
}
