import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probePackets, publish, runForOutput, type TestPattern } from "#test/helpers/ffmpeg.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

let site: TestNode;
beforeAll(async () => {
  site = await startTestNode({ ladder: "low=90@150,high=180@600" });
});
afterAll(() => site.stop());

let keys = 0;

/** Publishes `pattern` for its seconds, `during` meanwhile; what was recorded, by rendition. */
async function broadcast(pattern: TestPattern, during: () => Promise<void> = async () => {}) {
  const key = `sk_copy${(keys += 1).toString().padStart(20, "0")}`;
  const publisher = publish(site.publishUrl(key), pattern);
  const { broadcastId, videoUrl, epoch } = await until(
    () => site.control.authorised.get(key),
    10_000,
  );
  await during();
  await publisher.exited;
  const isThis = (report: { broadcastId: string }) => report.broadcastId === broadcastId;
  const ended = await until(() => site.control.ended.find(isThis), 20_000);
  const url = site.playlistUrl(videoUrl);
  const rungs = mediaPlaylistsOf(await fetchPlaylist(url), url);
  const read = async (name: string) => ({
    playlist: await fetchPlaylist(rungs.get(name) ?? ""),
    packets: await probePackets(rungs.get(name) ?? "", "v:0"),
    url: rungs.get(name) ?? "",
  });
  const [low, high] = await Promise.all([read("low"), read("high")]);
  return { ended, started: site.control.started.find(isThis), low, high, videoUrl, epoch };
}

const tagsOf = (playlist: string, tag: string) =>
  playlist.split("\n").filter((line) => line.startsWith(tag));

describe("a source that can be copied", () => {
  test("is the top rendition, and the encoded one lies on its frames through a kill", async () => {
    const killEngine = async () => {
      const pid = await until(() => site.enginePids().at(-1), 10_000);
      await until(() => site.control.progress.some(({ durationMs }) => durationMs > 2500), 10_000);
      process.kill(pid, "SIGKILL");
      await until(() => site.enginePids().at(-1) !== pid, 5000);
    };
    const pattern = { seconds: 8, keyframeSeconds: 2, fps: 30_000 / 1001 };
    const { started, low, high, videoUrl, epoch } = await broadcast(pattern, killEngine);
    expect(started?.renditions).toMatchObject([
      { name: "low", height: 90, isCopy: false },
      { name: "high", height: 180, isCopy: true },
    ]);
    expect(Math.abs(high.packets.length - 240)).toBeLessThanOrEqual(1);
    const timesOf = ({ packets }: typeof low) => packets.map(({ ptsS }) => ptsS);
    expect(timesOf(low)).toEqual(timesOf(high));
    // A new encoder begins with a keyframe; segments are cut where both have one.
    const isShared = high.packets.every((packet, n) =>
      !packet.isKeyframe || low.packets[n]?.isKeyframe === true
    );
    expect(isShared).toBe(true);
    expect(tagsOf(low.playlist, "#EXTINF")).toEqual(tagsOf(high.playlist, "#EXTINF"));
    expect(low.playlist).not.toContain("DISCONTINUITY");
    const folder = `videos/${videoUrl}/${epoch}/frames/`;
    const pictures = await Array.fromAsync(site.storage.list(folder), ({ key }) => key);
    const times = pictures.map((key) => Number(/(\d+)\.jpg$/.exec(key)?.[1])).sort((a, b) => a - b);
    // A killed encoder takes along the picture it had not handed on.
    expect(times.length).toBeGreaterThanOrEqual(1);
    expect(times.at(-1)).toBeLessThan(8000);
  }, 60_000);

  test("is encoded from where its keyframes stay away, without a gap or a break", async () => {
    const { ended, low, high } = await broadcast({ seconds: 6, keyframeSeconds: 20 });
    expect(ended.reason).toBe("publisher_stopped");
    const isThis = (report: { broadcastId: string }) => report.broadcastId === ended.broadcastId;
    expect(site.control.progress.findLast(isThis)?.renditions).toMatchObject([
      { name: "low", height: 90, isCopy: false },
      { name: "high", height: 180, isCopy: false },
    ]);
    expect(
      site.log.filter(({ event, broadcastId }) =>
        event === "broadcast.copy_ended" && broadcastId === ended.broadcastId
      ),
    ).toMatchObject([{ reason: "its keyframes are more than 2 s apart" }]);
    for (const { packets, playlist } of [low, high]) {
      const steps = packets.slice(1).map(({ ptsS }, n) => ptsS - (packets[n]?.ptsS ?? 0));
      expect(Math.max(...steps)).toBeLessThan(0.1);
      expect(Math.abs(packets.length - 180)).toBeLessThanOrEqual(2);
      expect(playlist).not.toContain("DISCONTINUITY");
    }
    expect(tagsOf(high.playlist, "#EXT-X-MAP")).toHaveLength(2);
    // ffmpeg's demuxer goes by the first init segment: the pictures bring their own parameter sets.
    await runForOutput("ffmpeg", ["-v", "error", "-xerror", "-i", high.url, "-f", "null", "-"]);
    const keyframesOf = ({ packets }: typeof low) =>
      packets.filter(({ isKeyframe }) => isKeyframe).map(({ ptsS }) => ptsS);
    expect(keyframesOf(high)).toEqual(keyframesOf(low));
  }, 60_000);
});
