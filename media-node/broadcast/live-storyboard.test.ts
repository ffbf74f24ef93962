/**
 * The storyboard of broadcasts that run, whose pictures say their number: through a return of the
 * publisher with another shape, with a ladder and without one, and to the end.
 */
import { afterAll, describe, expect, test } from "vitest";
import { readMediaPlaylist } from "#shared/hls/check-playlist.ts";
import { type Publish, publish } from "#test/helpers/ffmpeg.ts";
import { readNumber } from "#test/helpers/frame-numbers.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";
import { readCues, type StoryboardCue } from "#test/helpers/web-vtt.ts";
import { fitInto } from "../ladder/picture-size.ts";

const FPS = 30;
const FRAME_S = 1 / FPS;
const KEY = "sk_storyboard0000000000000";
const SECOND_RUN = 1000;
const RUNS = [{ width: 320, height: 180 }, { width: 180, height: 240 }];

const stops: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});

async function startSite(ladder: "encode" | "copy", recording = true): Promise<TestNode> {
  const site = await startTestNode({ settings: { ladder, recording } });
  stops.push(site.stop);
  return site;
}

function startRun(site: TestNode, run: number): Publish {
  const { width, height } = RUNS[run] ?? { width: 0, height: 0 };
  const pattern = { size: `${width}x${height}`, fps: FPS, firstFrame: run * SECOND_RUN };
  const publisher = publish(site.publishUrl(KEY), pattern);
  stops.push(publisher.kill);
  return publisher;
}

const storyboardOf = (site: TestNode, videoUrl: string) =>
  site.playlistUrl(videoUrl).replace(/\.m3u8$/, "/storyboard.vtt");

/** Where a moment of the live playlist lies: in which run, how far into it, at what wall clock. */
async function readTimes(site: TestNode, videoUrl: string) {
  const url = site.playlistUrl(videoUrl);
  const [rendition = ""] = mediaPlaylistsOf(await fetchPlaylist(url), url).values();
  let endS = 0;
  const segments = readMediaPlaylist(await fetchPlaylist(rendition)).segments.map((segment) => {
    const startS = endS;
    endS += segment.durationS;
    return { ...segment, startS };
  });
  const breakS = segments.find(({ isDiscontinuous }) => isDiscontinuous)?.startS ?? Infinity;
  return {
    runOf: (atS: number) => atS < breakS - FRAME_S ? 0 : 1,
    inRun: (atS: number) => atS < breakS - FRAME_S ? atS : atS - breakS,
    wallClockMs: (atS: number) => {
      const segment = segments.findLast(({ startS }) => startS <= atS + FRAME_S);
      return (segment?.wallClockMs ?? NaN) + (atS - (segment?.startS ?? NaN)) * 1000;
    },
  };
}

/** The number that the cell of a cue shows, which has the shape of a run. */
async function readCell({ url, area }: StoryboardCue, run: number): Promise<number> {
  const sheet = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const fitting = fitInto(area, RUNS[run] ?? area);
  return await readNumber(sheet, {
    ...fitting,
    left: area.left + (area.width - fitting.width) / 2,
    top: area.top + (area.height - fitting.height) / 2,
  });
}

describe.each(["encode", "copy"] as const)("the storyboard of a live broadcast (%s)", (ladder) => {
  let site: TestNode;
  let videoUrl: string;
  let cues: StoryboardCue[];

  test("goes on when its publisher returns with another shape", async () => {
    site = await startSite(ladder);
    const first = startRun(site, 0);
    ({ videoUrl } = await until(() => site.control.authorised.get(KEY), 10_000));
    const url = storyboardOf(site, videoUrl);
    const hasCues = async (count: number) => (await readCues(url)).length >= count;
    await until(() => hasCues(2), 40_000);
    await first.kill();
    const second = startRun(site, 1);
    await until(() => hasCues(4), 60_000);
    cues = await readCues(url);
    const times = await readTimes(site, videoUrl);
    const runs = new Set<number>();
    for (const cue of cues) {
      const run = times.runOf(cue.startS);
      const number = run * SECOND_RUN + Math.round(times.inRun(cue.startS) * FPS);
      expect(Math.abs(await readCell(cue, run) - number)).toBeLessThanOrEqual(2);
      expect(Math.abs(Date.parse(cue.id) - times.wallClockMs(cue.startS))).toBeLessThan(100);
      runs.add(run);
    }
    expect([...runs]).toEqual([0, 1]);
    stops.push(second.stop);
  }, 120_000);

  test("has cells of one size, at least ten seconds apart", () => {
    const sizes = new Set(cues.map(({ area }) => `${area.width}x${area.height}`));
    expect([...sizes]).toEqual(["160x90"]);
    const gaps = cues.slice(1).map(({ startS }, index) => startS - (cues[index]?.startS ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(9.5);
    expect(cues[0]?.startS).toBeLessThan(1.1);
  });

  test("ends with the broadcast, and the recording has its pictures", async () => {
    const image = cues.at(-1)?.url ?? "";
    expect((await fetch(image)).status).toBe(200);
    await stops.pop()?.();
    await until(() => site.control.ended.length === 1, 20_000);
    expect((await fetch(storyboardOf(site, videoUrl))).status).toBe(404);
    // Whoever asks at the last moment may be followed by others.
    await until(async () => (await fetch(image)).status === 404, 10_000);
    const kept = await Array.fromAsync(site.storage.list(`videos/${videoUrl}/`), ({ key }) => key);
    expect(kept.filter((key) => key.includes("/frames/")).length).toBeGreaterThanOrEqual(4);
  }, 30_000);
});

test("there is none of a broadcast that is not recorded", async () => {
  const site = await startSite("encode", false);
  startRun(site, 0);
  const { videoUrl } = await until(() => site.control.authorised.get(KEY), 10_000);
  await fetchPlaylist(site.playlistUrl(videoUrl));
  expect((await fetch(storyboardOf(site, videoUrl))).status).toBe(404);
}, 30_000);
