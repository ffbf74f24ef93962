/**
 * Captions (CEA-608) of a whole Sluice in Chromium: they come after the viewer, stay through all that
 * happens to a broadcast, and are there in its recording. Pictures and captions say their numbers.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createUser } from "#test/helpers/api-client.ts";
import {
  type CaptionMoment,
  captionMoments,
  keptCues,
  watchCaptions,
} from "#test/helpers/caption-moments.ts";
import { launchChromium, samplePlayback } from "#test/helpers/chromium.ts";
import { recordFlv } from "#test/helpers/ffmpeg.ts";
import { captionNumbers, saidAt } from "#test/helpers/habits/captions.ts";
import { HabitPublisher } from "#test/helpers/habits/publisher.ts";
import { readWireTags, type WireTag } from "#test/helpers/habits/wire-tag.ts";
import { type RunningSluice, startSluice } from "#test/helpers/sluice.ts";
import { until } from "#test/helpers/until.ts";

const FPS = 30;
const EVERY = 45;
/** The first picture with captions. */
const FIRST = 4.5 * FPS;
/** A caption is there with its picture, give or take. */
const SOON_S = 0.3;
const SECONDS = 60;
/** To before what has been loaded. */
const BACK_S = 6;

let sluice: RunningSluice;
let browser: Browser;
let page: Page;
let tags: readonly WireTag[];
let publisher: HabitPublisher;
let sending: Promise<void>;
let streamKey: string;
let watchUrl: string;

beforeAll(async () => {
  const flv = recordFlv({ firstFrame: 0, keyframeSeconds: 2, seconds: SECONDS });
  const env = { LADDER: "low=90@150,mid=180@600" };
  [sluice, browser] = await Promise.all([startSluice({ env }), launchChromium()]);
  tags = readWireTags(await flv);
  const user = await createUser(sluice.ready.api, "captions");
  ({ streamKey } = (await user.call<{ streamKey: string }>("POST", "/user/channel")).body);
  const video = await user.call<{ url: string }>("POST", "/user/channel/videos", { title: "Show" });
  watchUrl = `${sluice.ready.api}/watch/${video.body.url}`;
}, 60_000);

afterAll(async () => {
  publisher?.drop();
  await sending;
  await browser?.close();
  await sluice?.stop();
}, 30_000);

async function goOnAir(first: number): Promise<void> {
  const port = Number(new URL(sluice.ready.rtmp).port);
  publisher = await HabitPublisher.open({ port, streamKey });
  sending = publisher.send(captionNumbers(EVERY, first)(tags));
}

/** What was seen from now on, once it is `enough`. */
async function untilSeen(enough: (moments: readonly CaptionMoment[]) => boolean) {
  const { length } = await captionMoments(page).catch(() => []);
  return await until(async () => {
    const moments = (await captionMoments(page)).slice(length);
    return enough(moments) ? moments : undefined;
  }, 15_000);
}

/** So many captions on, one after the other. */
const untilSaid = (captions: number) =>
  untilSeen((moments) => {
    const texts = moments.flatMap(({ shown }) => shown.map(({ text }) => text));
    return new Set(texts).size > captions;
  });

/** What a viewer of `moments` would complain of. */
function faultsOf(moments: readonly CaptionMoment[]): string[] {
  const said = new Set<number>();
  const faults = moments.flatMap(({ number, shown, timeS }) => {
    const due = saidAt(number, EVERY);
    const soonS = due === null ? 0 : (number - due) / FPS;
    if (shown.length > 1) return [`${number}: ${shown.length} captions`];
    const [cue] = shown;
    if (cue === undefined) {
      return due !== null && soonS > SOON_S && said.has(due) ? [`${number}: nothing is shown`] : [];
    }
    said.add(Number(cue.text));
    const lateS = cue.fromS - (timeS - (number - Number(cue.text)) / FPS);
    if (Math.abs(lateS) > SOON_S) return [`${number}: ${cue.text} is ${lateS.toFixed(2)} s off`];
    return soonS > SOON_S && due !== Number(cue.text) ? [`${number}: ${cue.text} is shown`] : [];
  });
  return faults;
}

/** Of the pictures with a caption, those with which it is on the screen. */
function shareShown(moments: readonly CaptionMoment[]): number {
  const due = moments.filter(({ number }) => {
    const said = saidAt(number, EVERY);
    return said !== null && (number - said) / FPS > SOON_S;
  });
  return due.filter(({ shown }) => shown.length === 1).length / due.length;
}

/** From the first caption on: what is on the screen where loading begins nobody can know. */
function expectCaptions(moments: readonly CaptionMoment[]): void {
  const from = moments.findIndex(({ shown }) => shown.length > 0);
  const seen = moments.slice(from);
  expect(faultsOf(seen)).toEqual([]);
  expect(shareShown(seen)).toBeGreaterThan(0.9);
}

test("captions that begin while somebody watches can be put on with a key", async () => {
  await goOnAir(FIRST);
  page = await browser.newPage({ viewport: { width: 640, height: 720 } });
  await watchCaptions(page);
  await page.goto(watchUrl);
  await until(() => samplePlayback(page), 20_000);
  const button = page.locator("media-captions-menu-button");
  await button.waitFor({ state: "attached" });
  await until(async () => (await captionMoments(page)).at(-1)?.tracks === 1, 15_000);
  const before = (await captionMoments(page)).filter(({ number }) => number < FIRST);
  expect(before.length).toBeGreaterThan(FPS);
  // What is loaded is ahead of the picture.
  expect(before.filter(({ number, tracks }) => tracks > 0 && number < FIRST - FPS)).toEqual([]);
  await until(() => button.isVisible(), 5000);
  await page.keyboard.press("c");
  await untilSeen((moments) => moments.some(({ shown }) => shown.length > 0));
  expectCaptions(await untilSaid(2));
}, 40_000);

test("they go on in another rendition", async () => {
  await page.mouse.move(200, 200);
  await page.locator("media-settings-menu-button").click();
  await page.locator("media-settings-menu-item.quality").click();
  await page.getByRole("menuitemradio", { name: "90p" }).click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await untilSeen((moments) => moments.at(-1)?.heightPx === 90);
  expectCaptions(await untilSaid(1));
}, 40_000);

test("they are on after a reload, and none is doubled after a seek to before it", async () => {
  await page.reload();
  await untilSeen((moments) => moments.some(({ shown }) => shown.length > 0));
  await page.evaluate((seconds) => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime -= seconds;
  }, BACK_S);
  expectCaptions(await untilSaid(3));
  const cues = (await keptCues(page)).toSorted((one, other) => one.fromS - other.fromS);
  const doubled = cues.filter(({ fromS }, index) => fromS < (cues[index - 1]?.toS ?? 0) - 0.05);
  expect(doubled).toEqual([]);
  expect(cues.length).toBeGreaterThan(3);
}, 40_000);

test("there are none in real time, and they are back behind it", async () => {
  const realTime = page.locator("[data-real-time]");
  await realTime.click();
  await untilSeen((moments) => moments.filter(({ tracks }) => tracks === 0).length > FPS);
  await until(async () => !await page.locator("media-captions-menu-button").isVisible(), 5000);
  await realTime.click();
  await untilSeen((moments) => moments.at(-1)?.isOn === true);
}, 40_000);

test("they go on once the publisher is back", async () => {
  publisher.drop();
  await sending;
  const { element, timeS = 0 } = (await captionMoments(page)).at(-1) ?? {};
  await goOnAir(0);
  await untilSeen((moments) => moments.some(({ number }) => number > EVERY && number < FIRST));
  const moments = await untilSaid(2);
  expectCaptions(moments);
  expect(moments[0]?.element).toBe(element);
  expect(moments[0]?.timeS).toBeGreaterThan(timeS);
}, 40_000);

test("the recording has them as well, on as they were", async () => {
  publisher.stop();
  await sending;
  const element = ((await captionMoments(page)).at(-1)?.element ?? 0) + 1;
  await page.getByRole("button", { name: "Watch the recording" }).click({ timeout: 20_000 });
  await untilSeen((moments) => moments.at(-1)?.element === element);
  await untilSeen((moments) => moments.at(-1)?.isOn === true);
  await page.evaluate((seconds) => {
    const video = document.querySelector("video");
    if (video !== null) video.currentTime = seconds;
  }, FIRST / FPS + 1);
  await untilSeen((moments) => (moments.at(-1)?.timeS ?? 0) > FIRST / FPS + 1);
  expectCaptions(await untilSaid(2));
}, 40_000);
