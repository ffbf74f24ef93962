import { describe, expect, test } from "vitest";
import { InputQueue } from "./input-queue.ts";

const tagAt = (dtsMs: number, bytes = 100) =>
  ({ type: "video", dtsMs, body: new Uint8Array(bytes) }) as const;

/** A frame every 100 ms from `fromMs` to `toMs`, a keyframe every `keyframeMs`. */
function fill(queue: InputQueue, toMs: number, keyframeMs: number, bytes?: number): void {
  for (let dtsMs = 0; dtsMs <= toMs; dtsMs += 100) {
    queue.add(tagAt(dtsMs, bytes), dtsMs % keyframeMs === 0);
  }
}

describe("InputQueue", () => {
  test("gives back what it took, in order", () => {
    const queue = new InputQueue();
    fill(queue, 300, 200);
    expect([queue.take(), queue.take()].map((tag) => tag?.dtsMs)).toEqual([0, 100]);
    expect(queue.isEmpty).toBe(false);
  });

  test("goes on with the newest keyframe once it holds more than six seconds", () => {
    const queue = new InputQueue();
    fill(queue, 6100, 2000);
    expect(queue.take()?.dtsMs).toBe(6000);
    expect(queue.dropped).toBe(60);
  });

  test("waits for the next keyframe when it holds no second one", () => {
    const queue = new InputQueue();
    fill(queue, 8000, 100_000);
    expect(queue.isEmpty).toBe(true);
    queue.add(tagAt(8100), true);
    expect(queue.take()?.dtsMs).toBe(8100);
  });

  test("never holds more than 4 MiB, and says when it is full", () => {
    const queue = new InputQueue();
    fill(queue, 1500, 2000, 200_000);
    expect(queue.isFull).toBe(true);
    let bytes = 0;
    fill(queue, 5000, 2000, 200_000);
    for (let tag = queue.take(); tag !== undefined; tag = queue.take()) bytes += tag.body.length;
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024);
  });
});
