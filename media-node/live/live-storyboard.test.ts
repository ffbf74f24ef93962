import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { LiveStoryboard } from "./live-storyboard.ts";

const ZERO_AT_MS = Date.UTC(2026, 10, 30, 9, 0, 0);
const NOW_MS = Date.UTC(2026, 10, 30, 9, 0, 0);
const WINDOW_MS = 7_200_000;

/** Pictures of one colour, by shade. */
const pictures = new Map<number, Uint8Array>();
let upright: Uint8Array;

const makePicture = (width: number, height: number, shade: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: shade, g: shade, b: shade } } })
    .jpeg({ optimiseCoding: false }).toBuffer();

beforeAll(async () => {
  for (const shade of [0, 40, 80, 120, 160]) {
    pictures.set(shade, await makePicture(160, 90, shade));
  }
  upright = await makePicture(90, 160, 200);
});

function createStoryboard(now = () => NOW_MS): LiveStoryboard {
  const storyboard = new LiveStoryboard(WINDOW_MS, now);
  storyboard.useClock(0, ZERO_AT_MS);
  return storyboard;
}

const picture = (shade: number) => pictures.get(shade) ?? upright;
const cuesOf = (storyboard: LiveStoryboard) =>
  [
    ...storyboard.renderVtt().matchAll(
      /^(\S+Z)\n(\S+) --> \S+\nstoryboard-(\d+)\.jpg#xywh=(\S+)$/gm,
    ),
  ]
    .map(([, id, start, number, area]) => ({ id, start, number: Number(number), area }));

async function shadesOf(image: Blob | null): Promise<number[]> {
  if (image === null) throw new Error("there is no image");
  const { data, info } = await sharp(await image.arrayBuffer()).greyscale().raw()
    .toBuffer({ resolveWithObject: true });
  return Array.from({ length: info.height / 96 }, (_, n) => data[(n * 96 + 40) * info.width] ?? -1);
}

describe("LiveStoryboard", () => {
  test("takes a picture every ten seconds and puts it below the others", async () => {
    const storyboard = createStoryboard();
    const shades = [0, 999, 40, 999, 80];
    shades.forEach((shade, index) => storyboard.add(index * 5017, picture(shade)));
    const cues = cuesOf(storyboard);
    expect(cues.map(({ start, area }) => [start, area])).toEqual([
      ["00:00:00.000", "0,0,160,90"],
      ["00:00:10.034", "0,96,160,90"],
      ["00:00:20.068", "0,192,160,90"],
    ]);
    expect(await shadesOf(storyboard.image(cues[0]?.number ?? 0))).toEqual([0, 40, 80]);
  });

  test("names a cue by the wall clock of its run of the publisher", () => {
    const storyboard = createStoryboard();
    storyboard.add(0, picture(0));
    storyboard.add(10_000, picture(40));
    // Two minutes later the publisher is back.
    storyboard.useClock(15_000, ZERO_AT_MS + 120_000);
    storyboard.add(25_000, picture(80));
    expect(cuesOf(storyboard).map(({ id }) => id)).toEqual([
      "2026-11-30T09:00:00.000Z",
      "2026-11-30T09:00:10.000Z",
      "2026-11-30T09:02:25.000Z",
    ]);
  });

  test("forgets an image some time after another one took its place", async () => {
    const storyboard = createStoryboard();
    const numbers = [0, 40, 80, 120, 160].map((shade, index) => {
      storyboard.add(index * 10_000, picture(shade));
      return cuesOf(storyboard)[0]?.number ?? 0;
    });
    const first = NOW_MS / 1000;
    expect(numbers).toEqual([first, first + 1, first + 2, first + 3, first + 4]);
    expect(storyboard.image(first)).toBeNull();
    expect(await shadesOf(storyboard.image(first + 1))).toEqual([0, 40]);
    expect(await shadesOf(storyboard.image(first + 4))).toEqual([0, 40, 80, 120, 160]);
  });

  test("the next process names no image as the one before did", () => {
    const storyboard = createStoryboard();
    storyboard.add(0, picture(0));
    const next = createStoryboard(() => NOW_MS + 10_000);
    next.add(0, picture(40));
    expect(cuesOf(next)[0]?.number).toBe((cuesOf(storyboard)[0]?.number ?? 0) + 10);
  });

  test("begins anew with pictures that do not fit to those before", () => {
    const storyboard = createStoryboard();
    storyboard.add(0, picture(0));
    storyboard.add(10_000, upright);
    expect(cuesOf(storyboard).map(({ start, area }) => [start, area])).toEqual([
      ["00:00:10.000", "0,0,90,160"],
    ]);
  });

  test("leaves out what is no picture, or too large", () => {
    const storyboard = createStoryboard();
    storyboard.add(0, Uint8Array.of(1, 2, 3));
    storyboard.add(0, new Uint8Array(1_000_000));
    expect(storyboard.renderVtt()).toBe("WEBVTT\n");
    expect(storyboard.image(NOW_MS / 1000)).toBeNull();
  });

  test("keeps to a bound in hours of pictures", () => {
    const storyboard = createStoryboard();
    for (let index = 0; index < 2000; index += 1) storyboard.add(index * 10_000, picture(80));
    expect(cuesOf(storyboard)).toHaveLength(60);
    expect(storyboard.image(cuesOf(storyboard)[0]?.number ?? 0)?.size)
      .toBeLessThan(61 * picture(80).length);
  });
});
