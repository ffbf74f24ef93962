/**
 * How a publisher does, in figures and in sentences.
 */
import type { Issue } from "#shared/contracts/broadcast.ts";
import type { FlvTag } from "../formats/media.ts";
import { isVideoKeyframe } from "../ladder/source-tag.ts";

const WINDOW_MS = 5000;
/** Segments are 2 s; some slack for encoders that miss it by a frame. */
const MAX_KEYFRAME_INTERVAL_MS = 2500;
const MIN_ENCODE_SPEED = 0.95;
/** The first seconds of an encoder say little about it. */
const SPEED_GRACE_MS = 10_000;

type Bucket = { readonly second: number; bytes: number; frames: number };

/** Feed it every tag as it arrives; times are clocks (performance.now). */
export class StreamHealth {
  #buckets: Bucket[] = [];
  #firstAtMs: number | null = null;
  #keyframeAtMs: number | null = null;
  #keyframeIntervalMs: number | null = null;

  note(tag: FlvTag, nowMs: number): void {
    this.#firstAtMs ??= nowMs;
    const bucket = this.#bucketOf(Math.floor(nowMs / 1000));
    bucket.bytes += tag.body.length;
    if (tag.type === "video") bucket.frames += 1;
    if (!isVideoKeyframe(tag)) return;
    if (this.#keyframeAtMs !== null) this.#keyframeIntervalMs = tag.dtsMs - this.#keyframeAtMs;
    this.#keyframeAtMs = tag.dtsMs;
  }

  /** Another encoder run begins: its keyframes have nothing to do with those before. */
  restart(): void {
    this.#keyframeAtMs = null;
    this.#keyframeIntervalMs = null;
  }

  figures(nowMs: number): { ingestBitrateBps: number; fps: number } {
    const seconds = this.#spanS(nowMs);
    const recent = this.#recent(nowMs);
    const sum = (pick: (bucket: Bucket) => number) =>
      recent.reduce((total, bucket) => total + pick(bucket), 0);
    return {
      ingestBitrateBps: Math.round((sum(({ bytes }) => bytes) * 8) / seconds),
      fps: Math.round((sum(({ frames }) => frames) / seconds) * 10) / 10,
    };
  }

  issues(nowMs: number, encodeSpeed: number | null): Issue[] {
    const issues: Issue[] = [];
    const intervalMs = this.#keyframeIntervalMs;
    if (intervalMs !== null && intervalMs > MAX_KEYFRAME_INTERVAL_MS) {
      const seconds = (intervalMs / 1000).toFixed(1);
      issues.push({
        code: "KEYFRAME_INTERVAL",
        detail: `Keyframe every ${seconds} s: set 2 s in OBS › Output › Keyframe interval.`,
      });
    }
    const ageMs = nowMs - (this.#firstAtMs ?? nowMs);
    if (encodeSpeed !== null && encodeSpeed < MIN_ENCODE_SPEED && ageMs > SPEED_GRACE_MS) {
      issues.push({
        code: "ENCODER_TOO_SLOW",
        detail: `The ladder is encoded at ${encodeSpeed.toFixed(2)}× real time: ` +
          "this machine is too busy. Publish a smaller picture or fewer frames per second.",
      });
    }
    return issues;
  }

  #bucketOf(second: number): Bucket {
    const last = this.#buckets.at(-1);
    if (last?.second === second) return last;
    const bucket = { second, bytes: 0, frames: 0 };
    this.#buckets = [...this.#buckets.slice(-WINDOW_MS / 1000), bucket];
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
    return Math.min(WINDOW_MS / 1000, Math.max(1, Math.floor(nowMs / 1000) - first));
  }
}
