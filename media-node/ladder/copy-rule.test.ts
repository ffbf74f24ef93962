import { describe, expect, test } from "vitest";
import { DEFAULT_LADDER, ladderSchema } from "#shared/contracts/ladder.ts";
import type { LadderPolicy } from "#shared/contracts/broadcast.ts";
import type { MediaFrame } from "../formats/media.ts";
import { type CopyFacts, CopyWatch, planCopy } from "./copy-rule.ts";
import { planLadder } from "./plan.ts";

const ladder = ladderSchema.parse(DEFAULT_LADDER);

type Case = { fps?: number; bitrateBps?: number | null; details?: Partial<CopyFacts> };

const COPYABLE: CopyFacts = { isCommonFormat: true, hasBFrames: false, copyObstacle: null };

function rungsOf(policy: LadderPolicy, { fps = 30, bitrateBps = 2_500_000, details }: Case = {}) {
  const video = { codec: "avc1.64001f", width: 1920, height: 1080, fps, bitrateBps };
  const source = {
    facts: { video, audio: null, encoder: null },
    details: { ...COPYABLE, ...details },
  };
  const { rungs } = planCopy(planLadder(ladder, source.facts), policy, source);
  return rungs.map(({ name, height, isCopy }) => `${name} ${height}${isCopy ? " copy" : ""}`);
}

const ENCODED = ["low 240", "mid 480", "high 720"];

describe("planCopy()", () => {
  test.each<[LadderPolicy, Case, string[]]>([
    ["auto", {}, ["low 240", "mid 480", "high 1080 copy"]],
    ["copy", {}, ["high 1080 copy"]],
    ["encode", {}, ENCODED],
    ["auto", { bitrateBps: null }, ["low 240", "mid 480", "high 1080 copy"]],
    ["auto", { bitrateBps: 6_000_000 }, ENCODED],
    ["copy", { bitrateBps: 6_000_000 }, ["high 1080 copy"]],
    ["auto", { fps: 120 }, ENCODED],
    ["copy", { details: { hasBFrames: true } }, ENCODED],
    ["auto", { details: { isCommonFormat: false } }, ENCODED],
    ["auto", { details: { copyObstacle: "its keyframes are not where it says" } }, ENCODED],
    ["copy", { details: { copyObstacle: "its keyframes are not where it says" } }, ENCODED],
    ["auto", { details: { hasBFrames: null } }, [
      "low 240",
      "mid 480",
      "high 1080 copy",
    ]],
  ])("policy %s with %o", (policy, source, expected) => {
    expect(rungsOf(policy, source)).toEqual(expected);
  });
});

function frame(
  dtsMs: number,
  isKeyframe: boolean,
  { compositionMs = 0, bytes = 10 } = {},
): MediaFrame {
  const data = new Uint8Array(bytes);
  const compositionTicks = compositionMs * 90;
  return { track: "video", dtsTicks: dtsMs * 90, compositionTicks, isKeyframe, data };
}

/** What the watch says about 25 frames a second; null when it is content to the end. */
function watch(seconds: number, keyframeEveryMs: number, bytes = 10): [number, string] | null {
  const copyWatch = new CopyWatch(1_000_000);
  for (let dtsMs = 0; dtsMs < seconds * 1000; dtsMs += 40) {
    const reason = copyWatch.note(frame(dtsMs, dtsMs % keyframeEveryMs === 0, { bytes }));
    if (reason !== null) return [dtsMs, reason];
  }
  return null;
}

describe("CopyWatch", () => {
  test("is content with a keyframe every two seconds", () => {
    expect(watch(60, 2000)).toBeNull();
  });

  test("notices a missing keyframe before a segment would have to end without it", () => {
    const [atMs, reason] = watch(60, 8000) ?? [];
    expect(reason).toBe("its keyframes are more than 2 s apart");
    expect(atMs).toBeLessThan(2490);
  });

  test("notices a bitrate that stays above the ceiling", () => {
    expect(watch(60, 2000, 6000)).toBeNull();
    expect(watch(60, 2000, 7000)?.[1]).toBe("its bitrate is above the ceiling of the ladder");
  });

  test("notices frames that are shown in another order", () => {
    const copyWatch = new CopyWatch(Infinity);
    expect(copyWatch.note(frame(0, true, { compositionMs: 80 }))).toBeNull();
    expect(copyWatch.note(frame(40, false, { compositionMs: 81 }))).toBeNull();
    expect(copyWatch.note(frame(80, false, { compositionMs: 0 }))).toBe("its frames are reordered");
  });
});
