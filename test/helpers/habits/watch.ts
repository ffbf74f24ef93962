/**
 * hls.js in Chromium on a broadcast with a habit: what a viewer saw of it, moment by moment.
 */
import type HlsJs from "hls.js";
import type { Browser, Page } from "playwright-core";
import { openHlsJs } from "#test/helpers/browser-players.ts";
import { fetchPlaylist } from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

type Moment = {
  readonly atMs: number;
  readonly positionS: number;
  readonly frames: number;
};

export type Watched = {
  readonly moments: readonly Moment[];
  /** Only what ended the playback. */
  readonly errors: readonly string[];
  readonly captions: readonly string[];
  readonly durationS: number;
  /** Width by height, at the end. */
  readonly shape: number;
  readonly decodedAudioBytes: number;
};

export type Watching = {
  readonly end: () => Promise<Watched>;
};

const SAMPLE_MS = 100;

/** Opens a page once there is something to see. */
export async function watch(browser: Browser, url: string): Promise<Watching> {
  await fetchPlaylist(url, 20_000);
  const page = await openHlsJs(browser, url);
  await page.evaluate(sampleInPage, SAMPLE_MS);
  return { end: () => endOf(page) };
}

function sampleInPage(everyMs: number): void {
  const moments: Moment[] = [];
  const captions: string[] = [];
  Object.assign(window, { moments, captions });
  const { Hls, hls } = window as unknown as { Hls: typeof HlsJs; hls: HlsJs };
  // hls.js 1.7 keeps cues for a buffer of video alone, and gives none where sound is in it, too.
  hls.config.renderTextTracksNatively = false;
  hls.on(Hls.Events.CUES_PARSED, (_, { cues }: { cues: VTTCue[] }) => {
    captions.push(...cues.map(({ text }) => text));
  });
  setInterval(() => {
    const video = document.querySelector("video");
    if (video === null) return;
    const frames = video.getVideoPlaybackQuality().totalVideoFrames;
    moments.push({ atMs: performance.now(), positionS: video.currentTime, frames });
  }, everyMs);
}

/** Plays on until the video has ended or stands still. */
async function endOf(page: Page): Promise<Watched> {
  const isOver = () =>
    page.evaluate(() => {
      const { moments, errors } = window as unknown as { moments: Moment[]; errors: string[] };
      const before = moments.at(-40)?.positionS ?? -1;
      const isStill = moments.at(-1)?.positionS === before;
      return errors.length > 0 || isStill || document.querySelector("video")?.ended === true;
    });
  await until(isOver, 20_000);
  const watched = await page.evaluate(() => {
    const seen = window as unknown as Pick<Watched, "moments" | "errors" | "captions">;
    const { moments, errors, captions } = seen;
    const video = document.querySelector("video");
    const counts = video as { webkitAudioDecodedByteCount?: number } | null;
    return {
      moments,
      errors,
      captions,
      durationS: video?.duration ?? Number.NaN,
      shape: (video?.videoWidth ?? 0) / (video?.videoHeight ?? 1),
      decodedAudioBytes: counts?.webkitAudioDecodedByteCount ?? 0,
    };
  });
  await page.close();
  return watched;
}

export type WatchExpectation = {
  /** Decoded for each second of media that was played. */
  readonly fps: number;
  /** How long the position may stand still once it has moved. Default 1. */
  readonly maxStillS?: number;
  /** Width by height as it is shown in the end. */
  readonly shape: number;
};

/** Over how much media the frames are counted. */
const WINDOW_S = 1.5;
const END_S = 0.5;
/** Of the frames; a busy machine decodes some late. */
const ENOUGH = 0.4;
/** A player chooses its place when it begins. */
const SETTLING_MS = 1000;
const SHAPE_TOLERANCE = 0.02;

/** What a viewer would complain of. */
export function judgeWatched(
  watched: Watched,
  { fps, maxStillS = 1, shape }: WatchExpectation,
): string[] {
  const { moments, errors, durationS, decodedAudioBytes } = watched;
  const faults = errors.map((error) => `fatal: ${error}`);
  const moving = moments.filter(({ positionS }) => positionS > 0);
  const last = moving.at(-1);
  if (last === undefined) return [...faults, "it never began to play"];
  if (last.positionS < durationS - END_S) {
    faults.push(`stopped at ${last.positionS.toFixed(1)} of ${durationS.toFixed(1)} s`);
  }
  if (decodedAudioBytes === 0) faults.push("nothing was heard");
  if (Math.abs(watched.shape / shape - 1) > SHAPE_TOLERANCE) {
    faults.push(`shown with ${watched.shape.toFixed(3)}:1, expected ${shape.toFixed(3)}:1`);
  }
  const stillS = longestStillS(moving, last.positionS);
  if (stillS > maxStillS) faults.push(`stood still for ${stillS.toFixed(1)} s`);
  const settled = moving.filter(({ atMs }) => atMs > (moving[0]?.atMs ?? 0) + SETTLING_MS);
  const slow = settled.flatMap((from) => {
    const to = moving.find(({ positionS }) => positionS >= from.positionS + WINDOW_S);
    if (to === undefined) return [];
    const shown = (to.frames - from.frames) / (to.positionS - from.positionS);
    return shown < fps * ENOUGH ? [{ shown, atS: from.positionS }] : [];
  });
  const worst = slow.toSorted((a, b) => a.shown - b.shown)[0];
  if (worst !== undefined) {
    faults.push(`${worst.shown.toFixed(0)} frames a second from ${worst.atS.toFixed(1)} s`);
  }
  return faults;
}

function longestStillS(moments: readonly Moment[], endS: number): number {
  let [longestMs, since] = [0, moments[0]];
  for (const moment of moments) {
    if (since === undefined || moment.positionS !== since.positionS) since = moment;
    if (moment.positionS >= endS - END_S) break;
    longestMs = Math.max(longestMs, moment.atMs - since.atMs);
  }
  return longestMs / 1000;
}
