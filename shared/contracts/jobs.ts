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

/** Write a recording or a clip as one MP4; idempotent by `targetKey`. */
export const downloadJobSchema = z.object({
  kind: z.literal("download"),
  downloadId: z.uuid(),
  /** Storage key of the multivariant playlist. */
  playlistKey: z.string(),
  targetKey: z.string(),
});
export type DownloadJob = z.infer<typeof downloadJobSchema>;

/** Turn the frames kept of a broadcast into sprites and their WebVTT; idempotent by video. */
export const storyboardJobSchema = z.object({
  kind: z.literal("storyboard"),
  videoId: z.uuid(),
  videoUrl: z.string(),
});
export type StoryboardJob = z.infer<typeof storyboardJobSchema>;

export const jobSchema = z.discriminatedUnion("kind", [
  imageJobSchema,
  downloadJobSchema,
  storyboardJobSchema,
]);
export type Job = z.infer<typeof jobSchema>;

/** A job with its identity: `id` stays the same through retries and re-deliveries. */
export const queuedJobSchema = z.object({ id: z.string(), job: jobSchema });
export type QueuedJob = z.infer<typeof queuedJobSchema>;

/** Who takes jobs: resizers make pictures, media workers handle recordings. */
export type Worker = "resizer" | "media";

/** First part of the names of each worker's queues. */
export const QUEUE_PREFIXES = {
  resizer: "sluice",
  media: "sluice-media",
} as const satisfies Record<
  Worker,
  string
>;

/** The worker that a job is for. */
export function workerFor({ kind }: Pick<Job, "kind">): Worker {
  return kind === "download" ? "media" : "resizer";
}
