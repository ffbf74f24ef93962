import { describe, expect, test } from "vitest";
import { StreamHealth } from "./stream-health.ts";

/** `seconds` of 25 fps with a keyframe every `keyframeS`, 1000 bytes a frame. */
function feed(health: StreamHealth, seconds: number, keyframeS: number): void {
  for (let n = 0; n < seconds * 25; n += 1) {
    const body = new Uint8Array(1000);
    body.set([n % (keyframeS * 25) === 0 ? 0x17 : 0x27, 1]);
    health.note({ type: "video", dtsMs: n * 40, body }, n * 40);
  }
}

describe("StreamHealth", () => {
  test("measures bitrate and frames over complete seconds", () => {
    const health = new StreamHealth();
    feed(health, 10.5, 2);
    expect(health.figures(10_500)).toEqual({ ingestBitrateBps: 200_000, fps: 25 });
  });

  test("has nothing to say about a healthy publisher", () => {
    const health = new StreamHealth();
    feed(health, 10, 2);
    expect(health.issues(20_000, 1)).toEqual([]);
  });

  test("says how far apart keyframes are and what to set", () => {
    const health = new StreamHealth();
    feed(health, 20, 8);
    expect(health.issues(20_000, null)).toEqual([{
      code: "KEYFRAME_INTERVAL",
      detail: "Keyframe every 8.0 s: set 2 s in OBS › Output › Keyframe interval.",
    }]);
    health.restart();
    expect(health.issues(20_000, null)).toEqual([]);
  });

  test("says when the ladder cannot keep up, but not in the first seconds", () => {
    const health = new StreamHealth();
    feed(health, 12, 2);
    expect(health.issues(5000, 0.5)).toEqual([]);
    expect(health.issues(12_000, 0.5)).toMatchObject([{ code: "ENCODER_TOO_SLOW" }]);
  });
});
