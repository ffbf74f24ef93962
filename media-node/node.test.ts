import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readFileSync } from "node:fs";
import type { EndedRequest } from "#shared/contracts/control.ts";
import {
  decodeAll,
  probePackets,
  probeStreams,
  publish,
  publishArgs,
  type TestPattern,
} from "#test/helpers/ffmpeg.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "#test/helpers/media-node.ts";
import { findFlashesAndBeeps } from "#test/helpers/lip-sync.ts";
import { RtmpClient } from "#test/helpers/rtmp-client.ts";
import { until } from "#test/helpers/until.ts";

let keys = 0;
const newKey = () => `sk_test${(keys += 1).toString().padStart(20, "0")}`;

/** Whether a process runs; a zombie does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const endOf = (site: TestNode, broadcastId: string): Promise<EndedRequest> =>
  until(() => site.control.ended.find((ended) => ended.broadcastId === broadcastId), 10_000);

/** Publishes a short pattern to its end and waits for the recording. */
async function broadcastOnce(site: TestNode, pattern: TestPattern) {
  const key = newKey();
  const { exited } = publish(site.publishUrl(key), pattern);
  const { code, stderr } = await exited;
  const broadcast = site.control.authorised.get(key);
  if (broadcast === undefined) throw new Error(`no broadcast: ${stderr}`);
  const ended = await endOf(site, broadcast.broadcastId);
  const { broadcastId } = broadcast;
  const started = site.control.started.find((report) => report.broadcastId === broadcastId);
  return { code, broadcast, ended, started, url: site.playlistUrl(broadcast.videoUrl) };
}

async function publishUntilPlayable(site: TestNode, pattern: TestPattern = {}) {
  const key = newKey();
  const publisher = publish(site.publishUrl(key), pattern);
  const broadcast = await until(() => site.control.authorised.get(key), 10_000);
  const url = site.playlistUrl(broadcast.videoUrl);
  const playlist = await fetchPlaylist(url, 15_000);
  return { key, publisher, broadcast, url, playlist };
}

const tagsOf = (playlist: string, tag: string) =>
  playlist.split("\n").filter((line) => line.startsWith(tag));

describe("a media node with a ladder of three", () => {
  let site: TestNode;
  beforeAll(async () => {
    site = await startTestNode({
      ladder: "low=90@150,mid=120@200,high=180@300",
      wantsThumbnail: true,
    });
  });
  afterAll(() => site.stop());

  test(
    "carries a publish to three rungs with equal keyframe times, and to a recording",
    async () => {
      const startMs = performance.now();
      const { publisher, broadcast, url, playlist } = await publishUntilPlayable(site);
      expect(performance.now() - startMs).toBeLessThan(8000);
      const rungs = mediaPlaylistsOf(playlist, url);
      expect([...rungs.keys()]).toEqual(["low", "mid", "high"]);
      await until(() => site.control.progress.some(({ durationMs }) => durationMs > 5000), 10_000);
      expect(site.control.started[0]).toMatchObject({
        broadcastId: broadcast.broadcastId,
        source: { video: { width: 320, height: 180, fps: 30 }, audio: { codec: "mp4a.40.2" } },
        renditions: [{ name: "low", height: 90 }, { name: "mid" }, { name: "high", isCopy: false }],
      });
      await publisher.stop();
      const ended = await endOf(site, broadcast.broadcastId);
      expect(ended).toMatchObject({ reason: "publisher_stopped", detail: null });
      expect(ended.recordedBytes).toBeGreaterThan(100_000);

      const vod = await fetchPlaylist(url);
      const keyframes = await Promise.all(
        [...mediaPlaylistsOf(vod, url).values()].map(async (rung) => {
          expect(await fetchPlaylist(rung)).toContain("#EXT-X-ENDLIST");
          const packets = await probePackets(rung, "v:0");
          return packets.filter(({ isKeyframe }) => isKeyframe).map(({ ptsS }) => ptsS);
        }),
      );
      expect(keyframes[0]?.length).toBeGreaterThanOrEqual(4);
      expect(keyframes[1]).toEqual(keyframes[0]);
      expect(keyframes[2]).toEqual(keyframes[0]);
    },
    40_000,
  );

  test("offers one frame of the broadcast as its thumbnail", async () => {
    const poster = await until(() => site.control.posters[0], 5000);
    const stored = await site.storage.get(poster.sourceKey);
    expect(stored?.contentType).toBe("image/jpeg");
    const jpeg = new Uint8Array(await new Response(stored?.body).arrayBuffer());
    expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    expect(site.control.posters).toHaveLength(1);
  });

  test("plans portrait sources by their short side", async () => {
    const { started, url } = await broadcastOnce(site, { size: "120x214", seconds: 3 });
    expect(started?.renditions).toMatchObject([
      { name: "low", width: 90, height: 160 },
      { name: "mid", width: 120, height: 214 },
    ]);
    const [low] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
    const video = (await probeStreams(low ?? "")).find(({ codec_type: type }) => type === "video");
    expect(video).toMatchObject({ width: 90, height: 160 });
  }, 30_000);
});

describe("a media node", () => {
  let site: TestNode;
  beforeAll(async () => {
    site = await startTestNode();
  });
  afterAll(() => site.stop());

  test.concurrent.each<[string, TestPattern, string[]]>([
    ["audio alone", { size: null }, ["audio"]],
    ["video alone", { audioCodec: null }, ["video"]],
    ["mono at 44.1 kHz", { audioRateHz: 44_100, audioChannels: 1 }, ["video", "audio"]],
    ["MP3", { audioCodec: "libmp3lame", audioRateHz: 44_100 }, ["video", "audio"]],
    ["B-frames", { bFrames: 2 }, ["video", "audio"]],
    ["60 fps", { fps: 60 }, ["video", "audio"]],
    ["a picture smaller than every rung", { size: "64x48" }, ["video", "audio"]],
  ])("records a source with %s", async (_, pattern, tracks) => {
    const { code, ended, url } = await broadcastOnce(site, { ...pattern, seconds: 3 });
    expect({ code, reason: ended.reason }).toEqual({ code: 0, reason: "publisher_stopped" });
    expect(Math.abs(ended.durationMs - 3000)).toBeLessThan(300);
    const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
    const streams = await probeStreams(rung);
    expect(streams.map((stream) => stream.codec_type).sort()).toEqual([...tracks].sort());
    await decodeAll(rung);
    if (!tracks.includes("video")) return;
    const frames = await probePackets(rung, "v:0");
    const fps = pattern.fps ?? 30;
    expect(Math.abs(frames.length - 3 * fps)).toBeLessThanOrEqual(3);
  }, 30_000);

  test("keeps sound and picture together within a frame", async () => {
    const pattern = { isFlashing: true, bFrames: 2, seconds: 5 };
    const { url } = await broadcastOnce(site, pattern);
    const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
    const { flashes, beeps } = await findFlashesAndBeeps(rung);
    expect(flashes.length).toBeGreaterThanOrEqual(3);
    for (const flash of flashes) {
      const nearest = Math.min(...beeps.map((beep) => Math.abs(beep - flash)));
      expect(nearest).toBeLessThan(1 / 30);
    }
  }, 30_000);

  test("refuses an unknown key before the publish starts, and keeps nothing of it", async () => {
    const { code, stderr } = await publish(
      `rtmp://127.0.0.1:${site.node.ports.rtmp}/streaming/sk_wrongwrongwrong`,
      { seconds: 3 },
    ).exited;
    expect(code).not.toBe(0);
    expect(stderr).toContain("No channel has this stream key.");
    expect(site.node.broadcasts).toBe(0);
  });

  test("ends a source it cannot carry, by name", async () => {
    const key = newKey();
    const source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=15", "-c:v", "flv1"];
    const { exited } = publishArgs([...source, "-f", "flv", site.publishUrl(key)]);
    await exited;
    const ended = await endOf(site, site.control.authorised.get(key)?.broadcastId ?? "");
    expect(ended.reason).toBe("unsupported_source");
    expect(ended.detail).toContain("The video is Sorenson H.263");
    expect(
      site.log.filter(({ event, reason }) =>
        event === "broadcast.ended" && reason === ended.reason
      ),
    )
      .toMatchObject([{ level: "warn", detail: ended.detail }]);
  }, 20_000);

  test("ends a picture too large to decode, by its size", async () => {
    const key = newKey();
    const picture = ["-f", "lavfi", "-i", "color=black:size=4096x2400:rate=2"];
    const codec = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"];
    await publishArgs(["-re", ...picture, ...codec, "-f", "flv", site.publishUrl(key)]).exited;
    const ended = await endOf(site, site.control.authorised.get(key)?.broadcastId ?? "");
    expect(ended.reason).toBe("unsupported_source");
    expect(ended.detail).toContain("The picture has 4096×2400 pixels");
  }, 30_000);

  test("goes on through a killed ffmpeg without losing a frame", async () => {
    const { publisher, broadcast, url } = await publishUntilPlayable(site);
    const pid = site.enginePids().at(-1) ?? 0;
    process.kill(pid, "SIGKILL");
    await until(() => site.enginePids().at(-1) !== pid, 3000);
    const count = site.control.progress.length;
    await until(() => site.control.progress.length > count + 2, 10_000);
    await publisher.stop();
    const ended = await endOf(site, broadcast.broadcastId);
    const [rung = ""] = [...mediaPlaylistsOf(await fetchPlaylist(url), url).values()];
    expect(await fetchPlaylist(rung)).not.toContain("DISCONTINUITY");
    const frames = await probePackets(rung, "v:0");
    const steps = frames.slice(1).map(({ ptsS }, n) => ptsS - (frames[n]?.ptsS ?? 0));
    expect(Math.max(...steps)).toBeLessThan(0.1);
    expect(frames.length).toBeGreaterThan((ended.durationMs / 1000) * 30 - 5);
  }, 40_000);

  test("a dropped publisher returns into the same broadcast and playlist", async () => {
    const { key, publisher, broadcast, url, playlist } = await publishUntilPlayable(site);
    await publisher.kill();
    await until(() => site.control.progress.at(-1)?.state === "waiting", 5000);
    const second = publish(site.publishUrl(key), { size: "240x180" });
    await until(() => site.control.progress.at(-1)?.state === "live", 10_000);
    expect(site.control.authorised.get(key)).toMatchObject({
      broadcastId: broadcast.broadcastId,
      isResumed: true,
    });
    const [rung = ""] = [...mediaPlaylistsOf(playlist, url).values()];
    await until(async () => (await fetchPlaylist(rung)).includes("#EXT-X-DISCONTINUITY"), 15_000);
    await second.stop();
    const ended = await endOf(site, broadcast.broadcastId);
    expect(ended.reason).toBe("publisher_stopped");
    const vod = await fetchPlaylist(rung);
    expect(tagsOf(vod, "#EXT-X-DISCONTINUITY")).toHaveLength(1);
    expect(tagsOf(vod, "#EXT-X-MAP")).toHaveLength(2);
  }, 40_000);

  test("of ten publishers at once one is let in, and the others hear that it was", async () => {
    const streamKey = newKey();
    const port = Number(new URL(site.publishUrl(streamKey)).port);
    const knocking = Array.from({ length: 10 }, () => RtmpClient.publish({ port, streamKey }));
    const knocks = await Promise.all(knocking);
    const told = knocks.map(({ status }) => `${status.code}: ${status.description}`).toSorted();
    const already = "NetStream.Publish.BadName: This channel is already live from another encoder.";
    expect(told).toEqual([
      ...new Array(9).fill(already),
      "NetStream.Publish.Start: Publishing.",
    ]);
    for (const { client } of knocks) client.destroy();
  });

  test(
    "a second publisher is refused while the first is well, and takes over when it is silent",
    async () => {
      const { key, publisher, broadcast } = await publishUntilPlayable(site);
      const refused = await publish(site.publishUrl(key), { seconds: 2 }).exited;
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain("already live");

      process.kill(publisher.pid, "SIGSTOP");
      const silentSinceMs = performance.now();
      const takeOver = async () => {
        const attempt = publish(site.publishUrl(key), { seconds: 4 });
        const isIn = () => site.control.authorised.get(key)?.isResumed === true;
        const outcome = await Promise.race([attempt.exited, until(isIn, 3000).catch(() => null)]);
        return outcome === true ? attempt : null;
      };
      const second = await until(takeOver, 12_000);
      expect(performance.now() - silentSinceMs).toBeLessThan(10_000);
      await publisher.kill();
      expect((await second.exited).code).toBe(0);
      const ended = await endOf(site, broadcast.broadcastId);
      expect(ended.reason).toBe("publisher_stopped");
    },
    60_000,
  );

  test("runs on while the API is down, refuses new ones, and reconciles afterwards", async () => {
    const { publisher, broadcast } = await publishUntilPlayable(site);
    await site.control.down();
    const refused = await publish(site.publishUrl(newKey()), { seconds: 2 }).exited;
    expect(refused.stderr).toContain("cannot be checked right now");
    expect(site.node.broadcasts).toBe(1);
    await publisher.stop();
    await until(() => site.node.broadcasts === 0, 5000);
    await site.control.up();
    const ended = await endOf(site, broadcast.broadcastId);
    expect(ended.reason).toBe("publisher_stopped");
  }, 60_000);

  test("ends what the API wants ended, within 2 s", async () => {
    const { publisher, broadcast } = await publishUntilPlayable(site);
    const startMs = performance.now();
    site.control.stop.set(broadcast.broadcastId, "key_revoked");
    await publisher.exited;
    expect(performance.now() - startMs).toBeLessThan(2500);
    expect(await endOf(site, broadcast.broadcastId))
      .toMatchObject({ reason: "key_revoked", detail: null });
  }, 30_000);

  test("a stop that the API tells of is a plain stop", async () => {
    const { publisher, broadcast } = await publishUntilPlayable(site);
    site.control.stop.set(broadcast.broadcastId, "publisher_stopped");
    await publisher.exited;
    expect(await endOf(site, broadcast.broadcastId))
      .toMatchObject({ reason: "publisher_stopped", detail: null });
  }, 30_000);

  test("a publisher that never returns is lost when its window is over", async () => {
    const impatient = await startTestNode({ settings: { reconnectWindowMs: 500 } });
    const { publisher, broadcast } = await publishUntilPlayable(impatient);
    await publisher.kill();
    expect((await endOf(impatient, broadcast.broadcastId)).reason).toBe("publisher_lost");
    await impatient.stop();
  }, 30_000);

  test("stop() finishes the broadcast and leaves no ffmpeg behind", async () => {
    const other = await startTestNode();
    const { publisher, broadcast } = await publishUntilPlayable(other);
    await other.stop();
    expect(other.control.ended).toMatchObject([
      { broadcastId: broadcast.broadcastId, reason: "node_stopped" },
    ]);
    expect(other.enginePids().some(isRunning)).toBe(false);
    await publisher.kill();
  }, 30_000);
});
