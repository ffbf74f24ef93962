/**
 * Jobs of one kind, in tests that know which one they made.
 */
import type { ImageJob, Job } from "#shared/contracts/jobs.ts";

/** `job`, which must be an image job. */
export function asImageJob(job: Job | undefined): ImageJob {
  if (job?.kind === "image") return job;
  throw new Error(`expected an image job, not ${job?.kind ?? "none"}`);
}
