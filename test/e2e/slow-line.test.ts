/**
 * The watch page on a line whose rate changes: the largest picture that it carries, a smaller one soon,
 * words where none is small enough, and live again once the line is back.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { heightPx, isLive, type LineSite, startLineSite, stoodMs } from "../helpers/line-site.ts";
import { until } from "../helpers/until.ts";
import type { WatchedPage } from "../helpers/watched-page.ts";

/** Enough for the middle rung, and for the lowest. */
const MIDDLE_BPS = 1_500_000;
const LOW_BPS = 600_000;
/** Enough for none. */
const TOO_SLOW_BPS = 300_000;
const FAR_TOO_SLOW_BPS = 150_000;
const HIGHEST_PX = 360;
const LOWEST_PX = 144;

let site: LineSite;
let watched: WatchedPage;

beforeAll(async () => {
  site = await startLineSite();
  watched = await site.open();
}, 120_000);

afterAll(async () => {
  await site?.stop();
}, 30_000);

/** Sets the line's rate, and says when. */
function changeTo(rateBps: number): number {
  site.line.rateBps = rateBps;
  return Date.now();
}

const untilHighest = () => until(async () => await heightPx(watched) === HIGHEST_PX, 30_000);
const saysTooSlow = async () =>
  (await watched.now()).words?.startsWith("Your connection is too slow") === true;

/** Live again within ten seconds, as large as before within thirty. */
async function expectBack(): Promise<void> {
  changeTo(Infinity);
  await until(() => isLive(watched), 10_000);
  await untilHighest();
}

test("a good line gets the largest picture, which costs nothing", async () => {
  await untilHighest();
  const sinceMs = Date.now();
  await until(() => isLive(watched), 10_000);
  await until(() => Date.now() > sinceMs + 3000, 4000);
  expect(await stoodMs(watched, sinceMs - 2000)).toBe(0);
}, 60_000);

test("1.5 Mbit/s gets a smaller picture soon, and the larger one back", async () => {
  const slowAtMs = changeTo(MIDDLE_BPS);
  await until(async () => await heightPx(watched) < HIGHEST_PX, 5000);
  await until(() => Date.now() > slowAtMs + 12_000, 13_000);
  expect(await stoodMs(watched, slowAtMs)).toBeLessThan(2000);
  await expectBack();
}, 90_000);

test("600 kbit/s gets the smallest picture, which plays on", async () => {
  const slowAtMs = changeTo(LOW_BPS);
  await until(async () => await heightPx(watched) === LOWEST_PX, 5000);
  await until(() => Date.now() > slowAtMs + 17_000, 18_000);
  expect(await stoodMs(watched, slowAtMs + 5000)).toBe(0);
}, 60_000);

test("a line too slow for the smallest picture is said to be, until it is back", async () => {
  const slowAtMs = changeTo(TOO_SLOW_BPS);
  // What is buffered lasts for a while; once it is gone, the words are there soon.
  await until(saysTooSlow, 15_000);
  expect(await stoodMs(watched, slowAtMs)).toBeLessThan(3000);
  expect(await watched.now()).toMatchObject({ badge: "slow connection", behind: "" });
  changeTo(FAR_TOO_SLOW_BPS);
  await until(async () => !await isLive(watched), 5000);
  await expectBack();
}, 90_000);

test(
  "who joins on a slow line gets a small picture, and a larger one when it is better",
  async () => {
    changeTo(LOW_BPS);
    const late = await site.open();
    await until(async () => await heightPx(late) === LOWEST_PX, 10_000);
    const betterAtMs = changeTo(Infinity);
    await until(async () => await heightPx(late) === HIGHEST_PX, 30_000);
    await until(() => isLive(late), 10_000);
    expect(await stoodMs(late, betterAtMs + 3000)).toBe(0);
  },
  90_000,
);
