/**
 * What others than its media node read of a recording in storage.
 */
import * as z from "zod";

/** `videos/<url>/<epoch>/<rendition>/journal-<n>.json`: when segments begin. */
export const segmentTimesSchema = z.object({
  segments: z.array(z.object({
    msn: z.int().nonnegative(),
    /** On the timeline of the broadcast. */
    startS: z.number(),
  })),
});
