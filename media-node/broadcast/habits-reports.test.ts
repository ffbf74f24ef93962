/**
 * What other servers were reported to fail at.
 *
 * | an encoder that …                                | what viewers get                              |
 * | ------------------------------------------------ | --------------------------------------------- |
 * | stamps B-frames with when they are shown (1)     | every frame, in its place                     |
 * | shows frames before they are decoded (2)         | likewise                                      |
 * | stamps a frame hours off every second (3)        | nothing lost, nothing moved                   |
 * | stamps all pictures, or all tags, alike (4)      | what came, for as long as it came             |
 * | sends a track 1.5 s behind the other one (5)     | both in sync, as they are stamped             |
 * | falls behind with its pictures by 1.3 s (6)      | likewise, every frame                         |
 * | has a picture every 2 s, with sound (7)          | the sound from the first picture on           |
 * | changes its sound's rate and channels (8)        | all of both, behind another init segment      |
 * | has another picture's header, and one IDR (9)    | every frame, in its own shape                 |
 * | comes back while its old connection stands (10)  | in within seconds, the old connection is over |
 *
 * 1. https://github.com/moq-dev/moq/issues/2000
 * 2. https://github.com/bluenviron/gortmplib/pull/88
 * 3. https://github.com/bluenviron/mediamtx/pull/6255
 * 4. https://github.com/ThibaultBee/StreamPack/issues/58
 * 5. https://github.com/bluenviron/mediamtx/issues/2790,
 *    https://github.com/fzwoch/obs-gstreamer/issues/36
 * 6. https://github.com/OvenMediaLabs/OvenMediaEngine/issues/140
 * 7. https://github.com/livepeer/go-livepeer/issues/328
 * 8. https://github.com/ossrs/srs/issues/1630, https://github.com/pedroSG94/RootEncoder/issues/1822
 * 9. https://github.com/ossrs/srs/issues/635
 * 10. https://github.com/arut/nginx-rtmp-module/issues/1152,
 *     https://github.com/owncast/owncast/issues/400
 */
import { expect, test } from "vitest";
import { HABIT_LADDER, type HabitOutcome } from "#test/helpers/habits/broadcast.ts";
import { measureRendition, readVariants } from "#test/helpers/habits/measure.ts";
import { misdescribe } from "#test/helpers/habits/pictures.ts";
import { HabitPublisher, type HabitPublisherOptions } from "#test/helpers/habits/publisher.ts";
import { changeSound } from "#test/helpers/habits/sounds.ts";
import { tagsOf } from "#test/helpers/habits/sources.ts";
import {
  decodeLater,
  sendLate,
  stampAsShown,
  stopClocks,
  strayStamps,
} from "#test/helpers/habits/stamps.ts";
import { GOOD, testHabits } from "#test/helpers/habits/suite.ts";
import { stopAt } from "#test/helpers/habits/tracks.ts";
import { isFrameOf } from "#test/helpers/habits/wire-tag.ts";
import { fetchPlaylist, startTestNode } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

const WITH_B_FRAMES = { ...GOOD, isCopied: false, mayBeSaid: /^B_FRAMES/ } as const;
/** What time passes between tags is uneven, and that a clock stands shows only after some of them. */
const BY_ARRIVAL = {
  ...GOOD,
  packets: [360, 377],
  durationS: [7.7, 8.2],
  maxVideoStepS: 0.4,
  flashAfterBeepMs: null,
  frameRate: [29, 31],
} as const;
const STOPPED = { atMs: 2000, aboutMs: 12 };

/** The first picture belongs to the first sound. */
function findLateStart({ renditions }: HabitOutcome): string[] {
  return renditions.filter(({ stretchStartsS: [startS = Number.NaN] }) => !(startS < 0.1))
    .map(({ variant, stretchStartsS }) => `${variant.name} begins at ${stretchStartsS[0]} s`);
}

testHabits([
  {
    name: "that stamps B-frames with when they are shown",
    source: { bFrames: 2 },
    habit: stampAsShown(),
    expected: WITH_B_FRAMES,
  },
  {
    name: "that shows frames before they are decoded",
    source: { bFrames: 2 },
    habit: decodeLater(67),
    expected: WITH_B_FRAMES,
  },
  {
    name: "that stamps a frame hours off every second",
    habit: strayStamps(30, [9_800_000, 37_600_000]),
    expected: { ...GOOD, durationS: [7.9, 8.1], maxVideoStepS: 0.1 },
  },
  {
    name: "that stamps all pictures after 2 s alike",
    habit: stopClocks(["video"], STOPPED),
    expected: BY_ARRIVAL,
  },
  {
    name: "that stamps everything after 2 s alike",
    habit: stopClocks(["audio", "video"], STOPPED),
    expected: BY_ARRIVAL,
  },
  {
    name: "whose sound is sent 1.5 s behind its pictures",
    habit: sendLate("audio", () => 1500),
    // The first of it comes when the first pictures are shown already.
    expected: { ...GOOD, durationS: [7.9, 8.1], stretches: [1, 2], mayBeSaid: /^LATE_TRACK/ },
  },
  {
    name: "whose pictures are sent 1.5 s behind its sound",
    habit: sendLate("video", () => 1500),
    expected: { ...GOOD, durationS: [7.9, 8.1] },
  },
  {
    name: "that falls behind with its pictures by 1.3 s",
    habit: sendLate("video", (stampMs) => Math.min(1300, Math.max(0, stampMs - 2000) / 2)),
    expected: GOOD,
  },
  {
    name: "of a picture every 2 s, with sound",
    source: { fps: 0.5, seconds: 12 },
    expected: {
      // What stands still for longer than a second may be repeated.
      frames: [6, 40],
      packets: [555, 567],
      durationS: [9.9, 12.2],
      maxVideoStepS: 2.1,
      flashAfterBeepMs: null,
      frameRate: null,
      mayBeSaid: /^KEYFRAME_INTERVAL/,
    },
    inspect: findLateStart,
  },
  {
    name: "whose sound changes to mono of 44.1 kHz",
    runs: async (tags) => [
      changeSound(await tagsOf({ soundArgs: ["-ac", "1", "-ar", "44100"] }), 4000)(tags),
    ],
    expected: { ...GOOD, packets: [355, 365], stretches: 2 },
  },
  {
    name: "with another picture's header, and one IDR",
    source: { bFrames: 2, x264: "open-gop=1" },
    runs: async (tags) => [
      misdescribe(await tagsOf({ size: "320x240", videoArgs: ["-profile:v", "baseline"] }))(tags),
    ],
    expected: { ...WITH_B_FRAMES, shape: 426 / 240 },
  },
]);

const BREAKS_AT_MS = 4000;
const COMES_BACK_MS = 1500;
const TRIES_EVERY_MS = 1000;
const LET_IN_S = 7;

test("a source that comes back while its old connection stands is in within seconds", async () => {
  const site = await startTestNode({ ladder: HABIT_LADDER });
  try {
    const streamKey = "sk_habits_come_back_0001";
    const port = Number(new URL(site.publishUrl(streamKey)).port);
    const tags = await tagsOf();
    const [before, after] = [stopAt(BREAKS_AT_MS)(tags), stopAt(BREAKS_AT_MS + 1000)(tags)];
    const old = await HabitPublisher.open({ port, streamKey });
    await old.send(before);
    const brokenAtMs = performance.now();
    await Bun.sleep(COMES_BACK_MS);
    const returned = await until(() => comeBack({ port, streamKey }), 20_000);
    expect((performance.now() - brokenAtMs) / 1000).toBeLessThan(LET_IN_S);
    // What the network held back of the old connection arrives after all.
    await Promise.all([returned.send(before), old.send(after.slice(before.length))]);
    expect([old.isThrownOut, returned.isThrownOut]).toEqual([true, false]);
    returned.stop();
    const ended = await until(() => site.control.ended[0], 15_000);
    expect([ended.reason, site.control.ended.length]).toEqual(["publisher_stopped", 1]);
    const url = site.playlistUrl(site.control.authorised.get(streamKey)?.videoUrl ?? "");
    for (const variant of readVariants(await fetchPlaylist(url, 5000), url)) {
      const { frames, pictures, faults } = await measureRendition(variant);
      expect({ frames, stretches: pictures.length, faults }).toEqual({
        frames: before.filter((tag) => isFrameOf("video", tag)).length * 2,
        stretches: 2,
        faults: [],
      });
    }
  } finally {
    await site.stop();
  }
}, 60_000);

/** Tries as encoders do: again and again; null: not yet. */
async function comeBack(options: HabitPublisherOptions): Promise<HabitPublisher | null> {
  const publisher = await HabitPublisher.open(options).catch(() => null);
  if (publisher === null) await Bun.sleep(TRIES_EVERY_MS);
  return publisher;
}
