/**
 * That ffmpeg cannot carry a broadcast any further.
 */
import type { ChildExit } from "./process.ts";

/** ffmpeg died or hung more often than it may; `exit` has its last words. */
export class TranscoderFailure extends Error {
  override readonly name = "TranscoderFailure";
  readonly exit: ChildExit;
  constructor(exit: ChildExit) {
    const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
    const last = exit.stderr.at(-1);
    super(`ffmpeg ended ${how} once too often${last === undefined ? "" : `: ${last}`}`);
    this.exit = exit;
  }
}
