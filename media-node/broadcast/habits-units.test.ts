/**
 * A tag is not an access unit, and its bytes are not always what the header promises: 240 frames and
 * no decoder error in every rendition.
 *
 * | an encoder that …                                      | what becomes of it                     |
 * | ------------------------------------------------------ | -------------------------------------- |
 * | sends parameter sets, SEI and slices in tags of their own | one sample for each picture         |
 * | writes start codes of 4 or 3 bytes                     | 4-byte lengths                         |
 * | writes lengths of 2 bytes or 1                         | 4-byte lengths                         |
 * | sends its parameter sets in the stream only            | an init segment made of them           |
 * | leaves ADTS on its sound                               | raw frames                             |
 * | turns, with or without a new header                    | another init segment of that shape     |
 * | sends empty tags, or tags that nobody knows            | left out                               |
 */
import { leaveAdts } from "#test/helpers/habits/sounds.ts";
import { addEmptyTags, addUnknownTags } from "#test/helpers/habits/strays.ts";
import {
  repeatParameterSets,
  shortenLengths,
  splitUnits,
  toAnnexB,
  turnInto,
} from "#test/helpers/habits/pictures.ts";
import { chain, type WireTag } from "#test/helpers/habits/wire-tag.ts";
import { withoutHeader } from "#test/helpers/habits/tracks.ts";
import { tagsOf } from "#test/helpers/habits/sources.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

/** Without x264's own SEI, which is longer than one byte can tell. */
const SHORT_UNITS = {
  x264: "slice-max-size=120:qpmin=36",
  videoArgs: ["-bsf:v", "filter_units=remove_types=6"],
};
const TURNED = { ...GOOD, stretches: 2, shape: 240 / 426 };

const turn = (hasHeader: boolean) => async (tags: readonly WireTag[]) => [
  turnInto(await tagsOf({ size: "240x426" }), { atMs: 4000, hasHeader })(tags),
];

testHabits([
  {
    name: "with parameter sets in tags of their own",
    habit: chain(repeatParameterSets({ keepsHeader: true }), splitUnits()),
    expected: GOOD,
  },
  {
    name: "with slices in tags of their own",
    source: { x264: "slices=4" },
    habit: splitUnits(),
    expected: GOOD,
  },
  { name: "with start codes", habit: toAnnexB(), expected: GOOD },
  { name: "with start codes of 3 bytes", habit: toAnnexB(3), expected: GOOD },
  {
    name: "with start codes everywhere",
    habit: chain(repeatParameterSets({ keepsHeader: true }), toAnnexB(4, "annex-b")),
    expected: GOOD,
  },
  { name: "with lengths of 2 bytes", habit: shortenLengths(2), expected: GOOD },
  {
    name: "with lengths of 1 byte",
    source: SHORT_UNITS,
    habit: shortenLengths(1),
    expected: GOOD,
  },
  {
    name: "without an AVC header",
    habit: repeatParameterSets({ keepsHeader: false }),
    expected: GOOD,
  },
  {
    name: "with start codes and without an AVC header",
    habit: chain(repeatParameterSets({ keepsHeader: false }), toAnnexB()),
    expected: GOOD,
  },
  { name: "with ADTS headers", habit: leaveAdts(), expected: GOOD },
  {
    name: "with ADTS headers for the only ones",
    habit: chain(withoutHeader("audio"), leaveAdts()),
    expected: GOOD,
  },
  { name: "with two ADTS frames in a tag", habit: leaveAdts(2), expected: GOOD },
  { name: "that turns", runs: turn(true), expected: TURNED },
  { name: "that turns in the stream only", runs: turn(false), expected: TURNED },
  { name: "with empty tags", habit: addEmptyTags(), expected: GOOD },
  { name: "with unknown tags", habit: addUnknownTags(), expected: { ...GOOD, mayBeSaid: /./ } },
]);
