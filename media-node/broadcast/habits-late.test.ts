/**
 * The first look is not the last: what a publisher does not say is unknown, not absent.
 *
 * | an encoder that …                                  | what viewers get                           |
 * | -------------------------------------------------- | ------------------------------------------ |
 * | describes its picture alone, sound 60 ms late      | both from the start, no frame lost         |
 * | describes nothing, or with names for codecs        | both                                       |
 * | names itself only, picture 60 ms after the sound   | both, 60 ms apart as they are              |
 * | has sound 2.5 s after the picture                  | every picture; the sound joins             |
 * | sends the AAC header 2.5 s after the first frames  | every picture; the sound from there on     |
 * | relays from the middle of a GOP of 10 s            | from the keyframe on, never the sound alone |
 * | says that there is no video                        | the sound at once                          |
 * | never sends an AAC header                          | every picture, and an issue that names it  |
 */
import { chain } from "#test/helpers/habits/wire-tag.ts";
import {
  delayHeader,
  describeAs,
  joinAt,
  plugInLate,
  shiftTrack,
  without,
  withoutHeader,
} from "#test/helpers/habits/tracks.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

const SIZE = { width: 426, height: 240, framerate: 30 };
/** From the next keyframe on at the latest. */
const LATE_SOUND = {
  ...GOOD,
  packets: [185, 377],
  stretches: [1, 2],
  mayBeSaid: /^LATE_TRACK|^AUDIO_CODEC/,
} as const;

testHabits([
  {
    name: "that describes its picture alone, and its sound after 60 ms",
    habit: chain(describeAs(SIZE), delayHeader("audio", 60)),
    expected: { ...GOOD, packets: [368, 377] },
  },
  { name: "without metadata", habit: describeAs(null), expected: GOOD },
  {
    name: "with names for codecs",
    habit: describeAs({ ...SIZE, videocodecid: "avc1", audiocodecid: "mp4a" }),
    expected: GOOD,
  },
  {
    name: "whose picture begins 60 ms after the sound",
    habit: chain(describeAs({ encoder: "a phone" }), shiftTrack("video", 60)),
    expected: { ...GOOD, flashAfterBeepMs: 60 },
  },
  {
    name: "whose sound begins 2.5 s after the picture",
    habit: chain(describeAs({ encoder: "a phone" }), plugInLate("audio", 2500)),
    expected: LATE_SOUND,
  },
  {
    name: "whose sound is described after 2.5 s of it",
    habit: chain(describeAs(SIZE), delayHeader("audio", 2500)),
    expected: LATE_SOUND,
  },
  {
    name: "that is relayed from the middle of a GOP of 10 s",
    source: { seconds: 14, keyframeSeconds: 10 },
    habit: chain(
      describeAs({ ...SIZE, videocodecid: 7, audiocodecid: 10, encoder: "a relay" }),
      joinAt(4000),
    ),
    expected: {
      frames: 120,
      packets: [184, 480],
      durationS: [3.9, 10.2],
      stretches: [1, 2],
      mayBeSaid: /^KEYFRAME_INTERVAL/,
    },
  },
  {
    name: "that says it has no video",
    habit: chain(describeAs({ hasVideo: false, audiocodecid: 10 }), without("video")),
    expected: { ...GOOD, frames: null, mayBeSaid: /^NO_VIDEO/ },
  },
  {
    name: "without an AAC header",
    habit: withoutHeader("audio"),
    expected: { ...GOOD, packets: [0, 377], flashAfterBeepMs: null, issue: /AAC|audio/i },
  },
]);
