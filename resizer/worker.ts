/**
 * The resizer: takes jobs about pictures from the queue and reports what became of them.
 */
import { type ControlPlane, ControlRefusal } from "#shared/control-plane.ts";
import { type ImageVariant, MAX_DETAIL_CHARS } from "#shared/contracts/control.ts";
import type { ImageJob, StoryboardJob } from "#shared/contracts/jobs.ts";
import { toLine } from "#shared/contracts/text.ts";
import { messageOf } from "#shared/errors.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { type Delivery, type JobQueue, PoisonJobError } from "#shared/queue/port.ts";
import type { Storage } from "#shared/storage/port.ts";
import { IMAGE_LIMITS, ImageRefusedError } from "./image-limits.ts";
import { type ResizedVariant, resizeImage } from "./resize.ts";
import { configureSharp } from "./sharp-settings.ts";
import { makeStoryboard } from "./storyboard.ts";
import { variantsOf } from "./variants.ts";

export type ResizerDeps = {
  /** Started and stopped by its owner; its stop drains the jobs in hand. */
  readonly queue: JobQueue;
  readonly storage: Storage;
  readonly control: Pick<ControlPlane, "image" | "storyboard">;
  readonly log: Logger;
  /** Images in hand at once; one a core is best. */
  readonly concurrency: number;
  /**
   * Called after each image. Pictures come and go in buffers outside the heap, by which the
   * runtime's collector judges: it has to be told to look.
   */
  readonly collectGarbage?: () => void;
};

/**
 * The resizer as a service. A job that runs twice stores the same bytes under the same keys and
 * reports the same; a job whose original is gone but whose variants are there is reported again.
 */
export function createResizer(deps: ResizerDeps): Service {
  return {
    name: "resizer",
    start: async () => {
      configureSharp();
      await deps.queue.consume({
        prefetch: deps.concurrency,
        handle: (delivery) => handleDelivery(deps, delivery).finally(() => deps.collectGarbage?.()),
      });
    },
    stop: () => Promise.resolve(),
  };
}

async function handleDelivery(deps: ResizerDeps, delivery: Delivery): Promise<void> {
  const { job } = delivery.queued;
  switch (job.kind) {
    case "image":
      return await handleImage(deps, job, delivery);
    case "storyboard":
      return await runStoryboardJob(deps, job, delivery.signal);
    case "download":
      throw new PoisonJobError("a download is no job for a resizer");
  }
}

async function runStoryboardJob(
  deps: ResizerDeps,
  { videoId, videoUrl }: StoryboardJob,
  signal: AbortSignal,
): Promise<void> {
  const { storage, log } = deps;
  const frames = await makeStoryboard(storage, videoUrl, signal);
  if (frames === null) return log.info("storyboard.empty", { videoId });
  try {
    await deps.control.storyboard({ videoId, frames });
    log.info("storyboard.ready", { videoId, frames });
  } catch (error) {
    if (!isSuperseded(error)) throw error;
    await storage.deletePrefix(`videos/${videoUrl}/storyboard/`);
    log.info("storyboard.unwanted", { videoId });
  }
}

async function handleImage(deps: ResizerDeps, job: ImageJob, delivery: Delivery): Promise<void> {
  try {
    await runImageJob(deps, job, delivery.signal);
  } catch (error) {
    if (error instanceof ImageRefusedError) {
      await reportFailure(deps, job, error.code, error.message);
      return;
    }
    if (delivery.isLastAttempt) {
      await reportFailure(deps, job, "INTERNAL", `given up after ${delivery.attempt} attempts`)
        .catch((reason: unknown) =>
          deps.log.error("image.report_failed", { image: job.imageId, error: reason })
        );
    }
    throw error;
  }
}

async function runImageJob(deps: ResizerDeps, job: ImageJob, signal: AbortSignal): Promise<void> {
  const original = await readOriginal(deps.storage, job.sourceKey);
  const variants = original === null
    ? await findVariants(deps.storage, job)
    : await storeVariants(deps.storage, job, await resizeImage(original, job.purpose), signal);
  if (variants === null) throw new Error(`the original ${job.sourceKey} is gone`);
  signal.throwIfAborted();
  try {
    await deps.control.image({
      status: "ready",
      imageId: job.imageId,
      version: job.version,
      variants,
    });
    deps.log.info("image.ready", { image: job.imageId, version: job.version });
  } catch (error) {
    if (!isSuperseded(error)) throw error;
    await deps.storage.deletePrefix(`${job.targetPrefix}/`);
    deps.log.info("image.superseded", { image: job.imageId, version: job.version });
  }
}

async function readOriginal(storage: Storage, key: string): Promise<Uint8Array | null> {
  const object = await storage.get(key);
  if (object === null) return null;
  if (object.bytes > IMAGE_LIMITS.maxBytes) {
    await object.body.cancel();
    const detail = `the file is larger than ${IMAGE_LIMITS.maxBytes} bytes`;
    throw new ImageRefusedError("IMAGE_TOO_LARGE", detail);
  }
  const bytes = new Uint8Array(object.bytes);
  let filled = 0;
  for await (const part of object.body) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}

async function storeVariants(
  storage: Storage,
  job: ImageJob,
  variants: readonly ResizedVariant[],
  signal: AbortSignal,
): Promise<ImageVariant[]> {
  return await Promise.all(variants.map(async ({ name, contentType, width, height, bytes }) => {
    const key = `${job.targetPrefix}/${name}`;
    await storage.put(key, bytes, { contentType, signal });
    return { name, key, contentType, width, height, bytes: bytes.length };
  }));
}

/** What an earlier run of this job stored before its original was deleted; null unless complete. */
async function findVariants(storage: Storage, job: ImageJob): Promise<ImageVariant[] | null> {
  const found: ImageVariant[] = [];
  for (const { name, contentType, width, height } of variantsOf(job.purpose)) {
    const key = `${job.targetPrefix}/${name}`;
    const facts = await storage.head(key);
    if (facts === null) return null;
    found.push({ name, key, contentType, width, height, bytes: facts.bytes });
  }
  return found;
}

async function reportFailure(
  deps: ResizerDeps,
  job: ImageJob,
  code: ImageRefusedError["code"] | "INTERNAL",
  detail: string,
): Promise<void> {
  const { imageId, version } = job;
  deps.log.info("image.failed", { image: imageId, version, code, detail });
  try {
    await deps.control.image({
      status: "failed",
      imageId,
      version,
      code,
      detail: toLine(detail, MAX_DETAIL_CHARS),
    });
  } catch (error) {
    if (!isSuperseded(error)) throw error;
    deps.log.info("image.superseded", { image: imageId, version, reason: messageOf(error) });
  }
}

/** The API knows no such image (any more) or a newer version of it: nobody waits for this one. */
function isSuperseded(error: unknown): boolean {
  return error instanceof ControlRefusal && [404, 409, 410].includes(error.status);
}
