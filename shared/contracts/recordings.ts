/**
 * What others than its media node read of a recording in storage.
 */
import * as z from "zod";

/** `videos/<url>/<epoch>/recording.json`: the clock behind PROGRAM-DATE-TIME and the frames. */
export const recordingClockSchema = z.object({
  /** Wall clock (Unix ms) of time zero of the broadcast's timeline. */
  wallClockAtZeroMs: z.number(),
});
