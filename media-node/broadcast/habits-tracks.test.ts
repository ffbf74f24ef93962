/**
 * A track that stops stops nobody: every segment carries every track its init segment names.
 *
 * | an encoder that …                       | what viewers get                                     |
 * | --------------------------------------- | ---------------------------------------------------- |
 * | has no habit                            | 240 frames, 375 packets, A/V 0 ms, the copy as it is |
 * | mutes for 3 s, or for good              | silence in the place of the sound                    |
 * | sends nothing while nothing is said     | likewise, for a few frames at a time                 |
 * | stops its picture for 3 s               | sound throughout, the picture from the next keyframe |
 * | returns without its sound               | the picture goes on, with silence                    |
 * | returns without its picture             | the sound goes on                                    |
 */
import { chain } from "#test/helpers/habits/wire-tag.ts";
import { describeAs, leaveOut, pauseSound, stopAt, without } from "#test/helpers/habits/tracks.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

const soundAlone = chain(
  without("video"),
  describeAs({ hasVideo: false, audiocodecid: 10, encoder: "a microphone" }),
);

testHabits([
  { name: "without a habit", expected: { ...GOOD, durationS: [7.95, 8.05], isCopied: true } },
  {
    name: "muted for 3 s",
    habit: leaveOut("audio", 3000, 6000),
    // As long as a track may be missing without a word.
    expected: { ...GOOD, mayBeSaid: /^NO_AUDIO/ },
  },
  {
    name: "unplugged for good",
    habit: leaveOut("audio", 3000),
    expected: { ...GOOD, mayBeSaid: /^NO_AUDIO/ },
  },
  {
    name: "that pauses its sound",
    habit: pauseSound(),
    expected: { ...GOOD, packets: [365, 377] },
  },
  {
    name: "whose picture stops for 3 s",
    habit: leaveOut("video", 3000, 6000),
    maxHoleS: { vide: 3.05 },
    expected: {
      ...GOOD,
      frames: [150, 240],
      maxVideoStepS: 3.1,
      mayBeSaid: /^KEYFRAME_INTERVAL/,
    },
  },
  {
    name: "that returns without its sound",
    runs: (tags) => [stopAt(4000)(tags), without("audio")(stopAt(4000)(tags))],
    expected: {
      ...GOOD,
      frames: [239, 240],
      stretches: 2,
      maxVideoStepS: 0.1,
      mayBeSaid: /^NO_AUDIO/,
    },
  },
  {
    name: "that returns without its picture",
    runs: (tags) => [stopAt(4000)(tags), soundAlone(stopAt(4000)(tags))],
    expected: {
      ...GOOD,
      frames: [119, 240],
      packets: [360, 377],
      stretches: 2,
      maxVideoStepS: 5,
      mayBeSaid: /^NO_/,
    },
  },
]);
