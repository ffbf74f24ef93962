/**
 * What travels through the queue.
 */
import * as z from "zod";

/** Originals lie below this storage prefix until they are resized; nothing serves them. */
export const ORIGINALS = "originals/";

/** Which sizes an image gets; the resizer's table says what each purpose means. */
export const imagePurposeSchema = z.enum(["profile-picture", "thumbnail"]);
export type ImagePurpose = z.infer<typeof imagePurposeSchema>;

/** Resize one version of one image; idempotent by `imageId` and `version`. */
export const imageJobSchema = z.object({
  kind: z.literal("image"),
  imageId: z.uuid(),
  version: z.int().positive(),
  purpose: imagePurposeSchema,
  /** Storage key of the original; gone once the job is reported. */
  sourceKey: z.string(),
  /** Variants are stored as `<targetPrefix>/<name>`. */
  targetPrefix: z.string(),
});
export type ImageJob = z.infer<typeof imageJobSchema>;

export const jobSchema = z.discriminatedUnion("kind", [imageJobSchema]);
export type Job = z.infer<typeof jobSchema>;

/** A job with its identity: `id` stays the same through retries and re-deliveries. */
export const queuedJobSchema = z.object({ id: z.string(), job: jobSchema });
export type QueuedJob = z.infer<typeof queuedJobSchema>;
