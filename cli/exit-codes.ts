/**
 * Exit codes of the `sluice` command, and the one error that carries them.
 */

export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  /** Something that this machine lacks. */
  missing: 5,
  /** No answer in time, or none at all. */
  timedOut: 6,
  interrupted: 130,
} as const;

export type ExitName = keyof typeof EXIT_CODES;

/** Ends the command: `message` names the cause, `hint` the next thing to run or change. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exit: ExitName;
  readonly hint: string | null;
  constructor(exit: ExitName, message: string, hint: string | null = null) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}
