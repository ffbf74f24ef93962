/**
 * Habits of encoders as viewers with hls.js see them: from the first picture on, and joining late.
 *
 * | an encoder that …                        | what both of them see                          |
 * | ---------------------------------------- | ---------------------------------------------- |
 * | has no habit                             | 30 frames a second, to the end                 |
 * | is muted for 3 s, or for good            | likewise                                       |
 * | returns without its sound                | likewise                                       |
 * | has sound 2.5 s after the picture        | likewise                                       |
 * | writes start codes, with ADTS            | likewise                                       |
 * | calls every frame a keyframe             | likewise                                       |
 * | turns in the stream only                 | likewise                                       |
 * | has captions                             | likewise, and the captions                     |
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "#test/helpers/chromium.ts";
import { broadcastHabit, HABIT_LADDER } from "#test/helpers/habits/broadcast.ts";
import { caption } from "#test/helpers/habits/captions.ts";
import { flag, toAnnexB, turnInto } from "#test/helpers/habits/pictures.ts";
import { leaveAdts } from "#test/helpers/habits/sounds.ts";
import { tagsOf } from "#test/helpers/habits/sources.ts";
import { describeAs, leaveOut, plugInLate, stopAt, without } from "#test/helpers/habits/tracks.ts";
import { judgeWatched, watch, type WatchExpectation } from "#test/helpers/habits/watch.ts";
import { chain, type WireTag } from "#test/helpers/habits/wire-tag.ts";
import { startTestNode, type TestNode } from "#test/helpers/media-node.ts";

const SECONDS = 10;
/** Into the broadcast; what is wrong is on by then. */
const LATE_S = 4.5;

let site: TestNode;
let browser: Browser;
beforeAll(async () => {
  site = await startTestNode({ ladder: HABIT_LADDER });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});

type Runs = readonly (readonly WireTag[])[];

/** What one viewer saw from the start, and one who came late. */
async function watchBoth(runs: Runs) {
  const watchings: ReturnType<typeof watch>[] = [];
  await broadcastHabit(site, {
    runs,
    onAir: (url) => {
      watchings.push(watch(browser, url));
      watchings.push(Bun.sleep(LATE_S * 1000).then(() => watch(browser, url)));
    },
  });
  return await Promise.all(watchings.map(async (watching) => (await watching).end()));
}

async function expectWatched(runs: Runs, expected: Partial<WatchExpectation> = {}) {
  const watched = await watchBoth(runs);
  const wanted = { fps: 30, shape: 426 / 240, ...expected };
  expect(watched.map((one) => judgeWatched(one, wanted))).toEqual([[], []]);
  return watched;
}

const good = () => tagsOf({ seconds: SECONDS });

describe("a viewer sees every second of", () => {
  test.concurrent("a source without a habit", async () => {
    await expectWatched([await good()]);
  }, 60_000);

  test.concurrent("a source muted for 3 s", async () => {
    await expectWatched([leaveOut("audio", 3000, 6000)(await good())]);
  }, 60_000);

  test.concurrent("a source unplugged for good", async () => {
    await expectWatched([leaveOut("audio", 3000)(await good())]);
  }, 60_000);
});

describe("a viewer sees also", () => {
  test.concurrent("a source that returns without its sound", async () => {
    const tags = stopAt(SECONDS * 500)(await good());
    // For as long as the publisher is away there is nothing to show.
    await expectWatched([tags, without("audio")(tags)], { maxStillS: 3 });
  }, 60_000);

  test.concurrent("a source whose sound begins 2.5 s after the picture", async () => {
    const late = chain(describeAs({ encoder: "a phone" }), plugInLate("audio", 2500));
    await expectWatched([late(await good())]);
  }, 60_000);

  test.concurrent("a source that calls every frame a keyframe", async () => {
    await expectWatched([flag("all")(await good())]);
  }, 60_000);
});

describe("a viewer sees as well", () => {
  test.concurrent("a source with start codes and ADTS headers", async () => {
    await expectWatched([chain(toAnnexB(), leaveAdts())(await good())]);
  }, 60_000);

  test.concurrent("a source that turns in the stream only", async () => {
    const turned = await tagsOf({ seconds: SECONDS, size: "240x426" });
    const turn = turnInto(turned, { atMs: 6000, hasHeader: false });
    await expectWatched([turn(await good())], { shape: 240 / 426 });
  }, 60_000);

  test.concurrent("a source with captions, and reads them", async () => {
    const watched = await expectWatched([caption("HELLO", 30)(await good())]);
    expect(watched.map(({ captions }) => captions.includes("HELLO"))).toEqual([true, true]);
  }, 60_000);
});
