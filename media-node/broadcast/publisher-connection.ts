/**
 * One publisher's connection to its broadcast: its media's first look, and how it is held back or cut.
 */
import type { Issue } from "#shared/contracts/broadcast.ts";
import type { Publisher } from "../ingest/port.ts";
import type { Intake } from "../ingest/intake.ts";

/** A publisher that is silent for this long may be replaced by another one. */
const SILENT_MS = 5000;

export class PublisherConnection {
  readonly intake: Intake;
  readonly #acceptedAtMs = performance.now();
  #publisher: Publisher | null = null;
  #isPaused = false;
  #zeroAtMs: number | null = null;

  constructor(intake: Intake) {
    this.intake = intake;
  }

  /** Wall clock (Unix ms) of the timeline's zero as of this connection; null before its first tag. */
  get zeroAtMs(): number | null {
    return this.#zeroAtMs;
  }

  /** Whether it has not fallen silent; one that is held back cannot say anything. */
  get isHealthy(): boolean {
    if (this.#isPaused) return true;
    const lastSignMs = this.#publisher?.lastByteAtMs ?? this.#acceptedAtMs;
    return performance.now() - lastSignMs < SILENT_MS;
  }

  /** What is wrong with what it sends. */
  get issues(): Issue[] {
    const track = this.intake.lateTrack;
    if (track === null) return [];
    const detail =
      `The ${track} began after the broadcast and is left out: start the stream again.`;
    return [{ code: "LATE_TRACK", detail }];
  }

  /** It was let in. */
  open(publisher: Publisher): void {
    this.#publisher = publisher;
  }

  /** A tag comes, `durationMs` into the broadcast. */
  noteTag(durationMs: number): void {
    this.#zeroAtMs ??= Date.now() - durationMs;
  }

  /** Stops reading from it, or goes on. */
  holdBack(isFull: boolean): void {
    if (this.#isPaused === isFull) return;
    this.#isPaused = isFull;
    if (isFull) this.#publisher?.pause();
    else this.#publisher?.resume();
  }

  /** Cuts it. */
  close(): void {
    this.intake.stop();
    this.#publisher?.kick();
  }
}
