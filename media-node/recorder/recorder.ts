/**
 * The recorder of a media node: keeps every finished segment, and turns a broadcast that ended into
 * a recording under the same URL.
 */
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import type { Finding } from "#shared/contracts/issues.ts";
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import { withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import { isDiskFull } from "./disk-full.ts";
import { finishRecording, putJson } from "./finish.ts";
import {
  headerKey,
  openMarkerKey,
  readRecordings,
  type RecordedBroadcast,
  type RecordedRendition,
  type RecordingHeader,
} from "./journal.ts";
import type {
  CompleteSegment,
  RecordedInit,
  Recorder,
  Recording,
  RecordingResult,
  RecordingStart,
  ResumedRecording,
} from "./port.ts";
import { MemoryBudget, RenditionWriter } from "./rendition-writer.ts";

export type RecorderOptions = {
  readonly storage: Storage;
  /** Whose recordings these are: a restarted node finishes its own. */
  readonly nodeId: string;
  readonly log: Logger;
  /** Bytes that may wait for a slow storage, over all recordings. Default 64 MiB. */
  readonly maxQueuedBytes?: number;
  /** How long `finish` waits for what is queued. Default 10 s. */
  readonly drainDeadlineMs?: number;
};

const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
const DRAIN_DEADLINE_MS = 10_000;

export function createRecorder(options: RecorderOptions): Recorder {
  return new StorageRecorder(options);
}

class StorageRecorder implements Recorder {
  readonly name = "recorder";
  readonly #options: RecorderOptions;
  readonly #budget: MemoryBudget;
  readonly #open = new Set<Recording>();

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#budget = new MemoryBudget(options.maxQueuedBytes ?? MAX_QUEUED_BYTES);
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await Promise.all([...this.#open].map((recording) => recording.finish()));
  }

  begin(start: RecordingStart): Recording {
    return this.#create(start, []);
  }

  async resume(start: RecordingStart): Promise<ResumedRecording> {
    const broadcasts = await readRecordings(this.#options.storage, start.videoUrl);
    const own = broadcasts.find(({ header }) => header.epoch === start.epoch);
    const recorded = own?.renditions ?? [];
    return { recording: this.#create(start, recorded), recorded };
  }

  #create(start: RecordingStart, recorded: readonly RecordedRendition[]): Recording {
    const recording = new StorageRecording(start, recorded, {
      ...this.#options,
      budget: this.#budget,
      onFinished: () => this.#open.delete(recording),
    });
    this.#open.add(recording);
    return recording;
  }
}

type RecordingDeps = RecorderOptions & {
  readonly budget: MemoryBudget;
  readonly onFinished: () => void;
};

class StorageRecording implements Recording {
  readonly #header: RecordingHeader;
  readonly #deps: RecordingDeps;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #writers = new Map<RenditionName, RenditionWriter>();
  #failure: Finding | null = null;
  #dropped = { segments: 0, durationS: 0 };
  readonly #lostS = new Map<RenditionName, number>();
  #isMarked = false;
  #marking: Promise<void> | null = null;
  #finishing: Promise<RecordingResult> | null = null;

  constructor(
    start: RecordingStart,
    recorded: readonly RecordedRendition[],
    deps: RecordingDeps,
  ) {
    this.#header = { version: 1, ...start };
    this.#deps = deps;
    this.#log = deps.log.with({ videoUrl: start.videoUrl, epoch: start.epoch });
    for (const before of recorded) this.#createWriter(before.name, before);
  }

  addInit(rendition: RenditionName, init: RecordedInit): void {
    this.#mark();
    this.#writer(rendition).addInit(init);
  }

  addSegment(rendition: RenditionName, segment: CompleteSegment): void {
    this.#mark();
    this.#writer(rendition).addSegment(segment);
  }

  isStored(rendition: RenditionName, msn: number): boolean {
    return this.#writers.get(rendition)?.isStored(msn) ?? false;
  }

  finish(): Promise<RecordingResult> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  get storedBytes(): number {
    return [...this.#writers.values()].reduce((sum, writer) => sum + writer.storedBytes, 0);
  }

  get issues(): readonly Finding[] {
    // Renditions show the same time.
    const lostS = Math.max(0, ...this.#lostS.values());
    const lost: Finding | null = lostS === 0
      ? null
      : { code: "RECORDING_INCOMPLETE", measured: Math.ceil(lostS), wanted: 0 };
    return [this.#failure, lost].filter((finding) => finding !== null);
  }

  #writer(name: RenditionName): RenditionWriter {
    return this.#writers.get(name) ?? this.#createWriter(name, null);
  }

  #createWriter(name: RenditionName, before: RecordedRendition | null): RenditionWriter {
    const { storage, budget } = this.#deps;
    const writer = new RenditionWriter({
      storage,
      budget,
      name,
      before,
      ref: this.#header,
      signal: this.#abort.signal,
      onWrite: (error) => this.#noteWrite(error),
      onDrop: (segment) => this.#noteDrop(name, segment),
    });
    this.#writers.set(name, writer);
    return writer;
  }

  #noteWrite(error: unknown): void {
    if ((error === null) === (this.#failure === null)) return;
    this.#failure = error === null ? null : toFinding(error);
    if (error === null) this.#log.info("recording.write_recovered");
    else this.#log.warn("recording.write_failed", { reason: messageOf(error) });
  }

  #noteDrop(rendition: RenditionName, segment: CompleteSegment): void {
    const { segments, durationS } = this.#dropped;
    this.#dropped = { segments: segments + 1, durationS: durationS + segment.durationS };
    this.#lostS.set(rendition, (this.#lostS.get(rendition) ?? 0) + segment.durationS);
    this.#log.warn("recording.segment_dropped", { rendition, msn: segment.msn });
  }

  /** Tried again with each segment until storage has taken it. */
  #mark(): void {
    if (this.#isMarked) return;
    this.#marking ??= this.#writeHeader().finally(() => {
      this.#marking = null;
    });
  }

  /** The marker first: a header without one would never be looked at again. */
  async #writeHeader(): Promise<void> {
    const { storage, nodeId } = this.#deps;
    try {
      await putJson(storage, openMarkerKey(nodeId, this.#header), this.#header);
      await putJson(storage, headerKey(this.#header), this.#header);
      this.#isMarked = true;
    } catch (error) {
      this.#noteWrite(error);
    }
  }

  async #finish(): Promise<RecordingResult> {
    try {
      await this.#drain();
      return await this.#writeVod();
    } finally {
      this.#abort.abort();
      this.#deps.onFinished();
    }
  }

  async #drain(): Promise<void> {
    const deadlineMs = this.#deps.drainDeadlineMs ?? DRAIN_DEADLINE_MS;
    const writers = [...this.#writers.values()];
    const drained = Promise.all(writers.map((writer) => writer.drained()));
    try {
      await withDeadline("the recording's last writes", deadlineMs, drained);
    } catch (error) {
      this.#noteWrite(error);
      this.#abort.abort(error);
      await drained;
    }
    await this.#marking;
  }

  async #writeVod(): Promise<RecordingResult> {
    const { storage, nodeId } = this.#deps;
    const renditions = [...this.#writers.values()].map((writer) => writer.recorded);
    const own: RecordedBroadcast = {
      header: this.#header,
      renditions: renditions.filter(({ segments }) => segments.length > 0),
    };
    try {
      const result = await finishRecording({ storage, nodeId, ref: this.#header, own });
      const { segments: droppedSegments, durationS: droppedS } = this.#dropped;
      this.#log.info("recording.finished", { ...result, droppedSegments, droppedS });
      return result;
    } catch (error) {
      // The marker is still there: the next start of the node finishes it.
      this.#log.error("recording.finish_failed", { error });
      return { durationMs: 0, recordedBytes: 0, isPlayable: false };
    }
  }
}

function toFinding(error: unknown): Finding {
  return isDiskFull(error)
    ? { code: "DISK_FULL" }
    : { code: "RECORDING_FAILING", reason: messageOf(error) };
}
