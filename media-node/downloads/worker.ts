/**
 * The media worker: takes download jobs from its queue, writes the MP4s, and says how far they are.
 */
import { type ControlPlane, ControlRefusal } from "#shared/control-plane.ts";
import { type DownloadReport, MAX_DETAIL_CHARS } from "#shared/contracts/control.ts";
import type { DownloadJob } from "#shared/contracts/jobs.ts";
import { toLine } from "#shared/contracts/text.ts";
import { messageOf } from "#shared/errors.ts";
import {
  durationOf,
  parseRecordedPlaylist,
  parseRecordedVariants,
  RecordedPlaylistError,
  type RecordedSegment,
} from "#shared/hls/recorded-playlist.ts";
import type { Service } from "#shared/lifecycle.ts";
import type { Logger } from "#shared/log.ts";
import { type Delivery, type JobQueue, PoisonJobError } from "#shared/queue/port.ts";
import type { Storage } from "#shared/storage/port.ts";
import { BoxError } from "../formats/mp4/boxes.ts";
import { planMp4, streamMp4 } from "./mp4.ts";
import { ProgressReporter } from "./progress-reporter.ts";

export type MediaWorkerDeps = {
  /** Started and stopped by its owner. */
  readonly queue: JobQueue;
  readonly storage: Storage;
  readonly control: Pick<ControlPlane, "download">;
  readonly log: Logger;
};

/** One at a time: what limits it is the disk, and a live broadcast writes to the same one. */
const CONCURRENCY = 1;
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
/** What any download may take, and what it may take on top per second of media. */
const BASE_DEADLINE_MS = 60_000;
const DEADLINE_MS_PER_SECOND = 100;

/**
 * The media worker as a service. A job that runs twice writes the same bytes under the same key; one
 * whose MP4 is there already is only reported again.
 */
export function createMediaWorker(deps: MediaWorkerDeps): Service {
  return {
    name: "media-worker",
    start: () =>
      deps.queue.consume({
        prefetch: CONCURRENCY,
        handle: (delivery) => handleDelivery(deps, delivery),
      }),
    stop: () => Promise.resolve(),
  };
}

/** What was recorded is not there, or is not what it should be: no other attempt will change that. */
class UnreadableError extends Error {
  readonly code: "RECORDING_GONE" | "RECORDING_DAMAGED";
  constructor(code: UnreadableError["code"], message: string) {
    super(message);
    this.name = "UnreadableError";
    this.code = code;
  }
}

async function handleDelivery(deps: MediaWorkerDeps, delivery: Delivery): Promise<void> {
  const { job } = delivery.queued;
  if (job.kind !== "download") throw new PoisonJobError(`${job.kind} is no job for a media worker`);
  try {
    await runDownload(deps, job, delivery.signal);
  } catch (error) {
    const final = finalFailureOf(error, delivery);
    if (final === null) throw error;
    await reportFailure(deps, job, final);
    throw new PoisonJobError(final.detail, { cause: error });
  }
}

type Failure = Pick<DownloadReport & { status: "failed" }, "code" | "detail">;

/** Null: worth another attempt. */
function finalFailureOf(error: unknown, { isLastAttempt, attempt }: Delivery): Failure | null {
  if (error instanceof UnreadableError) return { code: error.code, detail: error.message };
  if (error instanceof BoxError || error instanceof RecordedPlaylistError) {
    return { code: "RECORDING_DAMAGED", detail: error.message };
  }
  return isLastAttempt
    ? { code: "INTERNAL", detail: `given up after ${attempt} attempts: ${messageOf(error)}` }
    : null;
}

async function runDownload(
  deps: MediaWorkerDeps,
  job: DownloadJob,
  signal: AbortSignal,
): Promise<void> {
  const { storage, log } = deps;
  const { downloadId, targetKey } = job;
  const done = await storage.head(targetKey);
  if (done !== null) {
    await report(deps, job, { status: "ready", downloadId, bytes: done.bytes });
    return;
  }
  const startedMs = Date.now();
  const progress = new ProgressReporter(deps.control, downloadId);
  try {
    const bytes = await writeMp4(deps, job, AbortSignal.any([signal, progress.unwanted]), progress);
    await progress.settled();
    await report(deps, job, { status: "ready", downloadId, bytes });
    log.info("download.ready", { downloadId, bytes, tookMs: Date.now() - startedMs });
  } catch (error) {
    if (!progress.unwanted.aborted) throw error;
    log.info("download.unwanted", { downloadId });
  } finally {
    await progress.settled();
  }
}

async function writeMp4(
  { storage }: MediaWorkerDeps,
  job: DownloadJob,
  signal: AbortSignal,
  progress: ProgressReporter,
): Promise<number> {
  const segments = await readSegments(storage, job.playlistKey);
  const deadlineMs = BASE_DEADLINE_MS + durationOf({ segments }) * DEADLINE_MS_PER_SECOND;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(deadlineMs))]);
  const source = {
    segments,
    read: async (key: string) => {
      inTime.throwIfAborted();
      return await readObject(storage, key);
    },
  };
  let handled = 0;
  const onSegment = () => {
    handled += 1;
    progress.note(handled / (2 * segments.length)); // each is read twice
  };
  progress.note(0);
  const plan = await planMp4(source, onSegment);
  const body = toStream(streamMp4(source, plan, onSegment));
  const facts = await storage.put(job.targetKey, body, {
    contentType: "video/mp4",
    signal: inTime,
  });
  return facts.bytes;
}

/** The segments of the best rendition. */
async function readSegments(storage: Storage, key: string): Promise<readonly RecordedSegment[]> {
  const { variants } = parseRecordedVariants(await readText(storage, key));
  const [best] = variants.toSorted((one, other) => other.bandwidthBps - one.bandwidthBps);
  if (best === undefined) throw new RecordedPlaylistError("the recording has no rendition");
  const playlist = parseRecordedPlaylist(await readText(storage, best.key), best.key);
  if (playlist.segments.length > 0) return playlist.segments;
  throw new RecordedPlaylistError("the recording has no segments");
}

async function readText(storage: Storage, key: string): Promise<string> {
  return new TextDecoder().decode(await readObject(storage, key));
}

async function readObject(storage: Storage, key: string): Promise<Uint8Array> {
  const object = await storage.get(key);
  if (object === null) throw new UnreadableError("RECORDING_GONE", `${key} is not in storage`);
  if (object.bytes > MAX_OBJECT_BYTES) {
    await object.body.cancel();
    throw new UnreadableError("RECORDING_DAMAGED", `${key} has ${object.bytes} bytes`);
  }
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

function toStream(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel() {
      await chunks.return(undefined);
    },
  });
}

async function reportFailure(
  deps: MediaWorkerDeps,
  job: DownloadJob,
  failure: Failure,
): Promise<void> {
  const { downloadId } = job;
  deps.log.warn("download.failed", { downloadId, ...failure });
  const detail = toLine(failure.detail, MAX_DETAIL_CHARS);
  await report(deps, job, { status: "failed", downloadId, code: failure.code, detail });
}

/** Tells the API; when it knows no such download (any more), nobody will ask for the file. */
async function report(
  { control, storage, log }: MediaWorkerDeps,
  job: DownloadJob,
  body: DownloadReport,
): Promise<void> {
  try {
    await control.download(body);
  } catch (error) {
    if (!(error instanceof ControlRefusal)) throw error;
    await storage.delete(job.targetKey);
    log.info("download.unwanted", { downloadId: job.downloadId, reason: error.message });
  }
}
