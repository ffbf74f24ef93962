/**
 * Tells the API about one broadcast (started, poster, ended), and keeps in the journal what it has
 * not been told yet.
 */
import type { EndReason } from "#shared/contracts/broadcast.ts";
import { MAX_DETAIL_CHARS } from "#shared/contracts/control.ts";
import { toLine } from "#shared/contracts/text.ts";
import type { ControlPlane } from "#shared/control-plane.ts";
import type { Logger } from "#shared/log.ts";
import type { PackagerStart, RecordingSummary } from "../packager/port.ts";
import type { Source } from "../ingest/source.ts";
import type { Authorisation } from "./authorisation.ts";
import type { BroadcastJournal } from "./journal.ts";
import {
  beginEntry,
  type JournalEnd,
  type RunningEntry,
  startOf,
  withTracks,
} from "./journal-entry.ts";
import { ReportQueue } from "./report-queue.ts";

export type BroadcastReportsOptions = {
  readonly nodeId: string;
  readonly authorisation: Authorisation;
  readonly control: ControlPlane;
  readonly journal: BroadcastJournal;
  readonly log: Logger;
  /** The broadcast must not go on: the API has given it away, or does not know of it. */
  readonly onLost: (reason: EndReason, detail: string) => void;
};

const GIVEN_AWAY = "another media node took the broadcast over";
const UNREGISTERED =
  "The server cannot register this broadcast, so nobody would find it. Start the stream again; if that does not help, ask whoever runs the server.";

export type EndFacts = RecordingSummary & {
  readonly reason: EndReason;
  readonly detail: string | null;
};

export class BroadcastReports {
  readonly #options: BroadcastReportsOptions;
  readonly #queue: ReportQueue;
  #epoch: number;
  /** Null before the first media: such a broadcast leaves nothing to remember. */
  #entry: RunningEntry | null = null;

  constructor(options: BroadcastReportsOptions) {
    this.#options = options;
    this.#epoch = options.authorisation.epoch;
    const { log, onLost } = options;
    this.#queue = new ReportQueue({ log, onStale: () => onLost("node_lost", GIVEN_AWAY) });
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
    const entry = beginEntry(this.#options.authorisation, facts, packager, startedAt);
    this.#entry = entry;
    this.#remember(null);
    this.#tellStarted(entry);
  }

  /** A broadcast that a process before began; it may have died before the API knew. */
  resumed(entry: RunningEntry): void {
    this.#entry = entry;
    this.#epoch = entry.controlEpoch;
    this.#tellStarted(entry);
  }

  /** What the publisher sends from now on: tracks that join are part of the playlists. */
  noteTracks(source: Source): void {
    const before = this.#entry;
    if (before === null) return;
    const entry = withTracks(before, source);
    if (entry === before) return;
    this.#entry = entry;
    this.#remember(null);
  }

  #tellStarted(entry: RunningEntry): void {
    const send = () => this.#options.control.started({ ...this.#ref, ...startOf(entry) });
    const onLost = () => this.#options.onLost("unsupported_source", UNREGISTERED);
    this.#queue.add({ name: "started", send, onLost });
  }

  poster(sourceKey: string): void {
    const send = () => this.#options.control.poster({ ...this.#ref, sourceKey });
    this.#queue.add({ name: "poster", send });
  }

  ended({ reason, detail: said, durationMs, recordedBytes }: EndFacts): void {
    const { control, journal } = this.#options;
    const endedAt = new Date().toISOString();
    const detail = said === null ? null : toLine(said, MAX_DETAIL_CHARS);
    const end = { endedAt, reason, detail, durationMs, recordedBytes };
    const body = { ...this.#ref, ...end };
    this.#remember(end);
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

  #remember(ended: JournalEnd | null): void {
    if (this.#entry === null) return;
    const entry = { ...this.#entry, controlEpoch: this.#epoch };
    // What has ended is not taken over.
    this.#options.journal.write(ended === null ? entry : { ...entry, ended, running: null });
  }
}

/** A publisher that leaves before its first frame has not broadcast anything. */
export function asEndBeforeMedia(reason: EndReason): EndReason {
  return reason === "publisher_stopped" || reason === "publisher_lost" ? "never_started" : reason;
}
