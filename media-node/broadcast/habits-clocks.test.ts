/**
 * Time is what is counted and what passes; a timestamp is a hint.
 *
 * | an encoder whose …                      | what viewers get                                     |
 * | --------------------------------------- | ---------------------------------------------------- |
 * | audio stamps are off by up to 45 ms     | every packet, one after the other, in sync           |
 * | video stamps are off by up to 12 ms     | every frame                                          |
 * | sound comes in bursts of 0.5 s          | likewise                                             |
 * | clocks go back, or forward, by 0.7 s    | nothing lost                                         |
 * | clocks run over 2^32                    | nothing lost                                         |
 * | camera has 1 or 0.4 frames a second     | every frame, for as long as it was shown             |
 * | keyframes are 8.3 s apart               | every frame, though ffmpeg is killed between them    |
 */
import { expect, test } from "vitest";
import { broadcastHabit, HABIT_LADDER } from "#test/helpers/habits/broadcast.ts";
import { judge } from "#test/helpers/habits/judge.ts";
import { tagsOf } from "#test/helpers/habits/sources.ts";
import { startTestNode } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";
import { jitter, sendInBursts, setClocks, wrapAfter } from "#test/helpers/habits/stamps.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

const CAMERA = { seconds: 12, isSilent: true };

testHabits([
  {
    name: "whose audio stamps are off by up to 45 ms",
    habit: jitter("audio", 45),
    expected: { ...GOOD, maxAudioStepS: 0.032 },
  },
  {
    name: "whose video stamps are off by up to 12 ms",
    habit: jitter("video", 12),
    expected: { ...GOOD, maxVideoStepS: 0.06, frameRate: [29.9, 30.1] },
  },
  { name: "whose sound comes in bursts", habit: sendInBursts("audio", 500), expected: GOOD },
  {
    name: "whose clocks go back by 0.7 s",
    habit: setClocks(4000, -700),
    expected: { ...GOOD, durationS: [7.9, 8.1], maxVideoStepS: 0.1, frameRate: [29.9, 30.1] },
  },
  {
    name: "whose clocks go forward by 0.7 s",
    habit: setClocks(4000, 700),
    expected: {
      ...GOOD,
      // The keyframe behind the gap fills it as well.
      frames: [240, 243],
      packets: [370, 412],
      durationS: [7.9, 8.8],
      maxVideoStepS: 0.8,
      frameRate: [27, 30],
      // The group of pictures is longer by as much.
      mayBeSaid: /^KEYFRAME_INTERVAL/,
    },
  },
  { name: "whose clocks run over 2^32", habit: wrapAfter(4000), expected: GOOD },
  {
    name: "of 1 frame a second",
    source: { ...CAMERA, fps: 1 },
    habit: jitter("video", 12),
    expected: {
      frames: 12,
      packets: null,
      durationS: [11, 13],
      mayBeSaid: /^NO_AUDIO/,
      maxVideoStepS: 1.1,
      frameRate: null,
    },
  },
  {
    name: "of 0.4 frames a second",
    source: { ...CAMERA, fps: 0.4 },
    expected: {
      // What stands still for longer than a second may be repeated.
      frames: [5, 12],
      packets: null,
      durationS: [10, 13],
      stretches: [1, 2],
      mayBeSaid: /^NO_AUDIO|^KEYFRAME_INTERVAL/,
      maxVideoStepS: 2.6,
      frameRate: null,
    },
  },
]);

/** Most of a group of pictures has been shown by then. */
const KILLED_AT_S = 7.5;

test("a source whose keyframes are 8.3 s apart loses no frame with its ffmpeg", async () => {
  const site = await startTestNode({ ladder: HABIT_LADDER });
  try {
    const kill = async () => {
      await Bun.sleep(KILLED_AT_S * 1000);
      const pid = await until(() => site.enginePids().at(-1), 1000);
      process.kill(pid, "SIGKILL");
    };
    const runs = [await tagsOf({ seconds: 12, keyframeSeconds: 8.3 })];
    let killed = Promise.resolve();
    const outcome = await broadcastHabit(site, { runs, onAir: () => (killed = kill()) });
    await killed;
    expect(judge(outcome, {
      frames: 360,
      packets: [558, 564],
      stretches: [1, 2],
      mayBeSaid: /^KEYFRAME_INTERVAL/,
    })).toEqual([]);
    expect(site.enginePids().length).toBeGreaterThan(1);
  } finally {
    await site.stop();
  }
}, 60_000);
