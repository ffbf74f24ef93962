/**
 * Bits and frames a second as they arrive.
 */
import type { MediaFrame } from "../../formats/media.ts";

const WINDOW_S = 5;

type Bucket = { readonly second: number; bytes: number; frames: number };

/** Feed it every frame as it arrives; times are clocks (performance.now). */
export class IngestFigures {
  #buckets: Bucket[] = [];
  #firstAtMs: number | null = null;

  push({ track, data }: MediaFrame, nowMs: number): void {
    this.#firstAtMs ??= nowMs;
    const bucket = this.#bucketOf(Math.floor(nowMs / 1000));
    bucket.bytes += data.length;
    if (track === "video") bucket.frames += 1;
  }

  /** Over the last seconds. */
  at(nowMs: number): { ingestBitrateBps: number; fps: number } {
    const seconds = this.#spanS(nowMs);
    const recent = this.#recent(nowMs);
    const sum = (pick: (bucket: Bucket) => number) =>
      recent.reduce((total, bucket) => total + pick(bucket), 0);
    return {
      ingestBitrateBps: Math.round((sum(({ bytes }) => bytes) * 8) / seconds),
      fps: Math.round((sum(({ frames }) => frames) / seconds) * 10) / 10,
    };
  }

  #bucketOf(second: number): Bucket {
    const last = this.#buckets.at(-1);
    if (last?.second === second) return last;
    const bucket = { second, bytes: 0, frames: 0 };
    this.#buckets = [...this.#buckets.slice(-WINDOW_S), bucket];
    return bucket;
  }

  /** Complete seconds of the window; the first and the running one would pull every figure down. */
  #recent(nowMs: number): Bucket[] {
    const current = Math.floor(nowMs / 1000);
    const from = current - this.#spanS(nowMs);
    return this.#buckets.filter(({ second }) => second < current && second >= from);
  }

  #spanS(nowMs: number): number {
    const first = Math.floor((this.#firstAtMs ?? nowMs) / 1000) + 1;
    return Math.min(WINDOW_S, Math.max(1, Math.floor(nowMs / 1000) - first));
  }
}
