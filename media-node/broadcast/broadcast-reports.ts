/**
 * Tells the API about one broadcast (started, poster, ended), and keeps in the journal what it has
 * not been told yet.
 */
import type { EndReason } from "#shared/contracts/broadcast.ts";
import type { AuthoriseResponse } from "#shared/contracts/control.ts";
import type { ControlPlane } from "#shared/control-plane.ts";
import type { Logger } from "#shared/log.ts";
import type { PackagerStart, RecordingSummary } from "../packager/port.ts";
import type { Source } from "../ingest/intake.ts";
import type { BroadcastJournal, SavedBroadcast } from "./journal.ts";
import { ReportQueue } from "./report-queue.ts";

export type BroadcastReportsOptions = {
  readonly nodeId: string;
  readonly authorisation: AuthoriseResponse;
  readonly control: ControlPlane;
  readonly journal: BroadcastJournal;
  readonly log: Logger;
  /** Another node owns the broadcast by now. */
  readonly onStale: () => void;
};

export type EndFacts = RecordingSummary & {
  readonly reason: EndReason;
  readonly detail: string | null;
};

export class BroadcastReports {
  readonly #options: BroadcastReportsOptions;
  readonly #queue: ReportQueue;
  #epoch: number;
  /** Null before the first media: such a broadcast leaves nothing to remember. */
  #saved: SavedBroadcast | null = null;

  constructor(options: BroadcastReportsOptions) {
    this.#options = options;
    this.#epoch = options.authorisation.epoch;
    this.#queue = new ReportQueue({ log: options.log, onStale: options.onStale });
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The API let the publisher in again, perhaps under a higher epoch. */
  renew(epoch: number): void {
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#remember(null);
  }

  started({ facts }: Source, packager: PackagerStart, startedAt: Date): void {
    const renditions = packager.rungs.map(({ name, width, height, isCopy }) => ({
      name,
      width,
      height,
      isCopy,
    }));
    const { authorisation } = this.#options;
    const { rungs } = packager;
    this.#saved = {
      authorisation,
      controlEpoch: this.#epoch,
      packager: { ...packager, rungs: [...rungs] },
      started: { startedAt: startedAt.toISOString(), source: facts, renditions },
    };
    this.#remember(null);
    this.#tellStarted(this.#saved);
  }

  /** A broadcast that a process before began; it may have died before the API knew. */
  resumed(saved: SavedBroadcast): void {
    this.#saved = saved;
    this.#epoch = saved.controlEpoch;
    this.#tellStarted(saved);
  }

  #tellStarted({ started }: SavedBroadcast): void {
    const send = () => this.#options.control.started({ ...this.#ref, ...started });
    this.#queue.add({ name: "started", send });
  }

  poster(sourceKey: string): void {
    const send = () => this.#options.control.poster({ ...this.#ref, sourceKey });
    this.#queue.add({ name: "poster", send });
  }

  ended({ reason, detail, durationMs, recordedBytes }: EndFacts): void {
    const { control, journal } = this.#options;
    const endedAt = new Date().toISOString();
    const body = { ...this.#ref, endedAt, reason, detail, durationMs, recordedBytes };
    this.#remember(body);
    const send = async () => {
      await control.ended(body);
      journal.remove(body.broadcastId);
    };
    this.#queue.add({ name: "ended", send });
  }

  /** Resolves when all was delivered, refused or given up. */
  get drained(): Promise<void> {
    return this.#queue.drained;
  }

  /** Gives up what could not be delivered; the journal keeps the end for the next start. */
  abandon(): void {
    this.#queue.close();
  }

  /** Read when it is sent: the epoch may have grown by then. */
  get #ref(): { nodeId: string; broadcastId: string; epoch: number } {
    const { nodeId, authorisation } = this.#options;
    return { nodeId, broadcastId: authorisation.broadcastId, epoch: this.#epoch };
  }

  #remember(ended: Parameters<ControlPlane["ended"]>[0] | null): void {
    const { journal, authorisation } = this.#options;
    const saved = this.#saved;
    if (saved === null) return;
    const { broadcastId, videoUrl, epoch } = authorisation;
    journal.write({
      version: 1,
      broadcastId,
      // As its recording is filed, whatever epoch its reports carry by now.
      epoch,
      videoUrl,
      startedAt: saved.started.startedAt,
      ended,
      // What has ended is not taken over.
      ...(ended === null ? { broadcast: { ...saved, controlEpoch: this.#epoch } } : {}),
    });
  }
}

/** A publisher that leaves before its first frame has not broadcast anything. */
export function asEndBeforeMedia(reason: EndReason): EndReason {
  return reason === "publisher_stopped" || reason === "publisher_lost" ? "never_started" : reason;
}
