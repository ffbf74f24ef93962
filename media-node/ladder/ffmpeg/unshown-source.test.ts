import { describe, expect, test } from "vitest";
import type { FlvTag } from "../../formats/media.ts";
import { UnshownSource } from "./unshown-source.ts";

const FRAME_MS = 40;

function frame(n: number, { shownLaterMs = 0, bytes = 5 } = {}): FlvTag {
  const body = new Uint8Array(bytes);
  body.set([0x27, 1, 0, shownLaterMs >> 8, shownLaterMs & 0xff]);
  return { type: "video", dtsMs: n * FRAME_MS, body };
}

/** `count` frames, a keyframe every `gop`; viewers are at `shownMs` throughout. */
function fill(source: UnshownSource, { count = 100, gop = 10, shownMs = -Infinity, bytes = 5 }) {
  for (let n = 0; n < count; n += 1) source.add(frame(n, { bytes }), n % gop === 0, shownMs);
}

const framesOf = (tags: readonly FlvTag[]) => tags.map(({ dtsMs }) => dtsMs / FRAME_MS);

describe("UnshownSource", () => {
  test("goes back to the keyframe before the first picture that was not shown", () => {
    const source = new UnshownSource();
    fill(source, { count: 45 });
    expect(framesOf(source.after(23 * FRAME_MS))[0]).toBe(20);
    expect(framesOf(source.after(29 * FRAME_MS))[0]).toBe(30);
    expect(framesOf(source.after(28 * FRAME_MS))).toEqual(
      Array.from({ length: 25 }, (_, n) => 20 + n),
    );
  });

  test("has the newest group of pictures, also where all of it was shown", () => {
    const source = new UnshownSource();
    fill(source, { count: 45 });
    expect(framesOf(source.after(44 * FRAME_MS))).toEqual([40, 41, 42, 43, 44]);
    expect(framesOf(source.after(Infinity))).toEqual([40, 41, 42, 43, 44]);
    source.keepNewest();
    expect(framesOf(source.after(-Infinity))[0]).toBe(40);
  });

  test("a picture that is shown later than it is decoded counts by when it is shown", () => {
    const source = new UnshownSource();
    source.add(frame(0), true, -Infinity);
    source.add(frame(1, { shownLaterMs: 3 * FRAME_MS }), false, -Infinity);
    source.add(frame(2), false, -Infinity);
    source.add(frame(3), true, -Infinity);
    expect(framesOf(source.after(3 * FRAME_MS))[0]).toBe(0);
    expect(framesOf(source.after(4 * FRAME_MS))[0]).toBe(3);
  });

  test("audio between the pictures does not hold them back", () => {
    const source = new UnshownSource();
    source.add(frame(0), true, -Infinity);
    source.add({ type: "audio", dtsMs: 900, body: Uint8Array.of(0x2f) }, false, -Infinity);
    source.add(frame(1), true, -Infinity);
    expect(framesOf(source.after(0))).toEqual([1]);
  });

  test("lets go of what was shown, and of what is older than a new ffmpeg can catch up with", () => {
    const shown = new UnshownSource();
    fill(shown, { count: 45, shownMs: 35 * FRAME_MS });
    expect(framesOf(shown.after(-Infinity))[0]).toBe(30);
    const late = new UnshownSource();
    fill(late, { count: 1000 });
    expect(framesOf(late.after(-Infinity))[0]).toBe(900);
  });

  test("holds no more than 8 MiB, and nothing until the next keyframe where one group is larger", () => {
    const source = new UnshownSource();
    fill(source, { count: 35, bytes: 400_000 });
    expect(framesOf(source.after(-Infinity))[0]).toBe(20);
    const large = new UnshownSource();
    fill(large, { count: 35, gop: 30, bytes: 400_000 });
    expect(framesOf(large.after(-Infinity))).toEqual([30, 31, 32, 33, 34]);
  });

  test("before the first keyframe there is nothing to decode", () => {
    const source = new UnshownSource();
    source.add(frame(0), false, -Infinity);
    expect(source.after(-Infinity)).toEqual([]);
  });
});
