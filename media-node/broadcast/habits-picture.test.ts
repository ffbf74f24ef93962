/**
 * What the picture is: fields, pixels that are not square, captions.
 *
 * | a source that …                 | what viewers get                                        |
 * | ------------------------------- | ------------------------------------------------------- |
 * | is interlaced (25i, MBAFF)      | no comb on any rung                                     |
 * | has pixels of 4:3               | every rung in the shape of the source                   |
 * | has CEA-608 captions            | no word of CLOSED-CAPTIONS=NONE                         |
 */
import { caption } from "#test/helpers/habits/captions.ts";
import { countCombs } from "#test/helpers/habits/decode.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";

testHabits([
  {
    name: "of 25 interlaced frames a second",
    source: {
      fps: 50,
      keyframeSeconds: 1,
      filter: "interlace=scan=tff:lowpass=off",
      videoArgs: ["-flags", "+ildct+ilme"],
      x264: "tff=1",
    },
    expected: { ...GOOD, frames: 200, frameRate: 25, isCopied: false },
    inspect: async ({ renditions }) => {
      const found = renditions.map(async ({ variant: { name, url } }) => {
        const combs = await countCombs(url);
        return combs < 20 ? [] : [`${name} has combs in ${combs} frames`];
      });
      return (await Promise.all(found)).flat();
    },
  },
  {
    name: "with pixels of 4:3",
    source: { size: "320x240", filter: "setsar=4/3" },
    expected: { ...GOOD, shape: 16 / 9 },
    inspect: ({ renditions }) =>
      renditions.filter(({ variant: { resolution } }) => {
        const [width = 0, height = 1] = (resolution ?? "").split("x").map(Number);
        return Math.abs(width / height - 16 / 9) > 0.04;
      }).map(({ variant }) => `${variant.name} has RESOLUTION=${variant.resolution}`),
  },
  {
    name: "with captions",
    habit: caption("HELLO"),
    expected: GOOD,
    inspect: ({ renditions }) =>
      renditions.filter(({ variant }) => variant.closedCaptions === "NONE")
        .map(({ variant }) => `${variant.name} swears that it has no captions`),
  },
]);
