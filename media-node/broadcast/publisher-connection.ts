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
  /** Its media was announced: what changes from then on changes within one run of an encoder. */
  hasSource = false;
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
  get issues(): Finding[] {
    return listIntakeFindings(this.intake.findings);
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

  /** Cuts it; with a reason, its encoder is told first. */
  close(reason: KickReason | null = null): void {
    this.intake.stop();
    if (reason === null) this.#publisher?.kick();
    else this.#publisher?.kick(reason);
  }
}
