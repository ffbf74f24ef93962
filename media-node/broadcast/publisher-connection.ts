/**
 * One publisher's connection to its broadcast: its media's first look, and how it is held back or cut.
 */
import type { Finding } from "#shared/contracts/issues.ts";
import { listIntakeFindings } from "../ingest/findings.ts";
import type { Intake } from "../ingest/intake.ts";
import type { KickReason, Publisher } from "../ingest/port.ts";

/** A publisher that is silent for this long may be replaced by another one. */
const SILENT_MS = 5000;

export class PublisherConnection {
  readonly intake: Intake;
  readonly #acceptedAtMs = performance.now();
  #publisher: Publisher | null = null;
  #isPaused = false;
  #zeroAtMs = Infinity;
  #hasSource = false;

  constructor(intake: Intake) {
    this.intake = intake;
  }

  /** Its media was announced: what changes from then on changes within one run of an encoder. */
  get hasSource(): boolean {
    return this.#hasSource;
  }

  /** Whether it has not fallen silent; one that is held back cannot say anything. */
  get isHealthy(): boolean {
    if (this.#isPaused) return true;
    const lastSignMs = this.#publisher?.lastByteAtMs ?? this.#acceptedAtMs;
    return performance.now() - lastSignMs < SILENT_MS;
  }

  /** What is wrong with what it sends. */
  get issues(): Finding[] {
    return listIntakeFindings(this.intake.findings);
  }

  /** It was let in. */
  open(publisher: Publisher): void {
    this.#publisher = publisher;
  }

  /**
   * A tag came, `durationMs` into the broadcast. An encoder is late with its first frames, and none
   * comes before its time: until the media is announced, what comes soonest says when zero was.
   */
  noteTag(durationMs: number): void {
    if (!this.#hasSource) this.#zeroAtMs = Math.min(this.#zeroAtMs, Date.now() - durationMs);
  }

  /** Its media is announced; wall clock (Unix ms) of the timeline's zero as of this connection. */
  start(durationMs: number): number {
    this.noteTag(durationMs);
    this.#hasSource = true;
    return this.#zeroAtMs;
  }

  /** Stops reading from it, or goes on. */
  holdBack(isFull: boolean): void {
    if (this.#isPaused === isFull) return;
    this.#isPaused = isFull;
    if (isFull) this.#publisher?.pause();
    else this.#publisher?.resume();
  }

  /** Cuts it; with a reason, its encoder is told first. */
  close(reason: KickReason | null = null): void {
    this.intake.stop();
    if (reason === null) this.#publisher?.kick();
    else this.#publisher?.kick(reason);
  }
}
