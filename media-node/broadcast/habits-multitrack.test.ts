/**
 * A track too many throws nobody out: the first is carried, the rest is said.
 *
 * | an encoder that sends …                      | what viewers get                      |
 * | -------------------------------------------- | ------------------------------------- |
 * | a VOD track of audio beside the live one     | the live one, and an issue            |
 * | one or two further videos                    | the first, and an issue               |
 * | its only track as track 0 of many            | that track                            |
 */
import { addTrack, wrapFirst } from "#test/helpers/habits/multitrack.ts";
import { chain } from "#test/helpers/habits/wire-tag.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

const SAID = { ...GOOD, issue: /track/i };

testHabits([
  { name: "with a VOD track", habit: addTrack("audio", 1), expected: SAID },
  { name: "with a second video", habit: addTrack("video", 1), expected: SAID },
  {
    name: "with further videos and a VOD track",
    habit: chain(addTrack("video", 2), addTrack("video", 1), addTrack("audio", 1)),
    expected: SAID,
  },
  { name: "whose audio is track 0 of many", habit: wrapFirst("audio"), expected: GOOD },
  { name: "whose video is track 0 of many", habit: wrapFirst("video"), expected: GOOD },
]);
