/**
 * The watch page on a machine without the time for a large picture: a smaller one soon, which moves on,
 * and words while that is too much as well.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { patternArgs, publishArgs, runForOutput } from "../helpers/ffmpeg.ts";
import { heightPx, isLive, type LineSite, startLineSite } from "../helpers/line-site.ts";
import { rendererPids } from "../helpers/renderer-process.ts";
import { slowDown } from "../helpers/slow-process.ts";
import { until } from "../helpers/until.ts";
import type { WatchedPage } from "../helpers/watched-page.ts";

const LADDER = "low=144@200,high=1080@8000";
const LARGE = { size: "1920x1080", keyframeSeconds: 2, seconds: 4, videoBitrate: "4M" };
const LOW_PX = 144;
const HIGH_PX = 1080;
/** What the page has of the processor's time: too little for the large picture, and for any to be smooth. */
const LITTLE = 0.1;
const MORE = 0.3;

let folder: string;
let site: LineSite;
let watched: WatchedPage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sluice-device-"));
  const file = join(folder, "large.flv");
  await runForOutput("ffmpeg", ["-v", "error", ...patternArgs(LARGE), file]);
  const again = ["-re", "-stream_loop", "-1", "-i", file, "-c", "copy"];
  const flv = ["-f", "flv", "-flvflags", "no_duration_filesize"];
  site = await startLineSite({
    ladder: LADDER,
    publish: (url) => publishArgs([...again, ...flv, url]),
  });
  watched = await site.open();
}, 120_000);

afterAll(async () => {
  await site?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

const saysDevice = async () =>
  (await watched.now()).words?.startsWith("Your device is too slow") === true;

test("a slow machine gets a smaller picture soon, which moves and stays", async () => {
  await until(async () => await heightPx(watched) === HIGH_PX, 30_000);
  const pid = (await rendererPids(site.browser)).at(-1) ?? 0;
  const speedUp = slowDown(pid, LITTLE);
  await until(async () => await heightPx(watched) === LOW_PX, 9000).finally(speedUp);
  const { frames } = await watched.now();
  const release = slowDown(pid, MORE);
  await until(async () => (await watched.now()).frames > frames + 30, 8000)
    .then(() => until(saysDevice, 15_000))
    .finally(release);
  const freeAtMs = Date.now();
  await until(() => isLive(watched), 10_000);
  await until(() => Date.now() > freeAtMs + 10_000, 11_000);
  expect(await heightPx(watched)).toBe(LOW_PX);
}, 90_000);
