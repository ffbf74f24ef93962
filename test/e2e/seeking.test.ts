/**
 * A recording of a whole media node, opened in its middle by the players people have: every frame
 * says which one it is.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "#test/helpers/ffmpeg.ts";
import { readNumbers } from "#test/helpers/frame-numbers.ts";
import { mediaPlaylistsOf, startTestNode, type TestNode } from "#test/helpers/media-node.ts";
import { playInVlc } from "#test/helpers/players.ts";
import { until } from "#test/helpers/until.ts";

const FPS = 30;
const SECONDS = 12;
const KEYFRAME_S = 2;

let site: TestNode;
let url: string;

beforeAll(async () => {
  site = await startTestNode({ ladder: "low=144@250,mid=240@1000" });
  const key = `sk_test${"1".padStart(20, "0")}`;
  const pattern = { size: "426x240", keyframeSeconds: KEYFRAME_S, seconds: SECONDS };
  await publish(site.publishUrl(key), { ...pattern, firstFrame: 0 }).exited;
  const broadcast = await until(() => site.control.authorised.get(key), 1000);
  const { broadcastId, videoUrl } = broadcast;
  await until(() => site.control.ended.some((ended) => ended.broadcastId === broadcastId), 10_000);
  url = site.playlistUrl(videoUrl);
}, 60_000);

afterAll(() => site?.stop());

/** The frames that ffmpeg shows from `startS` on, told by the numbers they say. */
async function seekInFfmpeg(target: string, startS: number, input: readonly string[] = []) {
  const numbers = await readNumbers(target, ["-ss", String(startS), ...input]);
  const first = numbers[0] ?? -1;
  expect(numbers).toEqual(numbers.map((_, index) => first + index));
  expect(numbers.at(-1)).toBe(FPS * SECONDS - 1);
  return first;
}

describe("a recording", () => {
  test.each([0, 1, 3, 7.5, 11])("is shown by ffmpeg from %d s on, to the frame", async (startS) => {
    expect(Math.abs(await seekInFfmpeg(url, startS) - FPS * startS)).toBeLessThanOrEqual(1);
  });

  test("is shown by ffmpeg from where it is told to, rendition by rendition", async () => {
    const renditions = mediaPlaylistsOf(await (await fetch(url)).text(), url);
    expect([...renditions.keys()].sort()).toEqual(["low", "mid"]);
    // As yt-dlp calls it.
    const input = ["-headers", "User-Agent: Mozilla/5.0\r\n"];
    for (const rendition of renditions.values()) {
      const first = await seekInFfmpeg(rendition, 7.5, input);
      expect(Math.abs(first - FPS * 7.5)).toBeLessThanOrEqual(1);
    }
  });

  test("is shown by VLC from there on, read from a segment before", async () => {
    const wish = { url, startS: 7, seconds: 3, deadlineMs: 20_000 };
    const { fromS, playedS, log } = await playInVlc(wish);
    expect(playedS, log).toBeGreaterThanOrEqual(3);
    expect(fromS).toBeGreaterThanOrEqual(7 - 2 * KEYFRAME_S);
    expect(fromS).toBeLessThanOrEqual(8);
  }, 30_000);
});
