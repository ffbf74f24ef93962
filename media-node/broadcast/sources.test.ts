/**
 * Sources as encoders really send them, through a whole node: every rung of each recording has its
 * keyframes at the same times.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { probePackets, publishArgs } from "#test/helpers/ffmpeg.ts";
import {
  fetchPlaylist,
  mediaPlaylistsOf,
  startTestNode,
  type TestNode,
} from "#test/helpers/media-node.ts";
import { until } from "#test/helpers/until.ts";

type Source = {
  readonly size: string;
  readonly rate?: string;
  readonly filter?: string;
  readonly bFrames?: number;
  /** Sent as fast as it goes, not in real time. */
  readonly isFile?: boolean;
  readonly seconds?: number;
  readonly rungs: readonly string[];
};

const SECONDS = 4;
const ALL = ["low", "mid", "high"];
/** Drops three of seven frames: what a screen recorder does while nothing moves. */
const UNEVEN = "select='not(between(mod(n,7),2,4))'";

let site: TestNode;
beforeAll(async () => {
  site = await startTestNode({ ladder: "low=90@150,mid=120@200,high=240@400" });
});
afterAll(() => site.stop());

function publishSource(url: string, source: Source) {
  const { size, rate = "30", filter = "null", bFrames = 0, seconds = SECONDS } = source;
  const pace = source.isFile === true ? [] : ["-re"];
  const picture = [...pace, "-f", "lavfi", "-i", `testsrc2=size=${size}:rate=${rate}`];
  const sound = [...pace, "-f", "lavfi", "-i", "sine=sample_rate=48000"];
  const video = ["-vf", filter, "-fps_mode", "vfr", "-c:v", "libx264", "-preset", "ultrafast"];
  const keyframes = ["-force_key_frames", "expr:gte(t,n_forced)", "-bf", String(bFrames)];
  const format = [
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
    "-t",
    String(seconds),
    "-flvflags",
    "no_duration_filesize",
    "-f",
    "flv",
  ];
  return publishArgs([...picture, ...sound, ...video, ...keyframes, ...format, url]);
}

test.concurrent.each<[string, Source]>([
  ["portrait", { size: "270x480", rungs: ALL }],
  ["240 lines", { size: "426x240", rungs: ALL }],
  ["a size that divides by nothing", { size: "334x186", rungs: ["low", "mid"] }],
  ["23.976 frames a second", { size: "426x240", rate: "24000/1001", rungs: ALL }],
  ["60 frames a second", { size: "426x240", rate: "60", rungs: ALL }],
  ["a variable frame rate", { size: "426x240", filter: UNEVEN, rungs: ALL }],
  ["B-frames", { size: "426x240", bFrames: 2, rungs: ALL }],
  ["more to send at once than is encoded in time", {
    size: "854x480",
    isFile: true,
    seconds: 40,
    rungs: ALL,
  }],
])("a source with %s has equal keyframe times on every rung", async (name, source) => {
  const key = `sk_source${name.replaceAll(/\W/g, "").padEnd(24, "0").slice(0, 24)}`;
  const { code, stderr } = await publishSource(site.publishUrl(key), source).exited;
  expect(code, stderr).toBe(0);
  expect(stderr).toBe("");
  const broadcast = await until(() => site.control.authorised.get(key), 5000);
  const { broadcastId, videoUrl } = broadcast;
  const ended = await until(
    () => site.control.ended.find((report) => report.broadcastId === broadcastId),
    10_000,
  );
  expect(ended.reason).toBe("publisher_stopped");
  const url = site.playlistUrl(videoUrl);
  const rungs = mediaPlaylistsOf(await fetchPlaylist(url), url);
  expect([...rungs.keys()].toSorted()).toEqual([...source.rungs].toSorted());
  const keyframes = await Promise.all([...rungs.values()].map(async (rung) => {
    const packets = await probePackets(rung, "v:0");
    const steps = packets.map(({ ptsS }) => ptsS).toSorted((a, b) => a - b)
      .map((ptsS, at, all) => ptsS - (all[at - 1] ?? ptsS));
    expect(Math.max(...steps)).toBeLessThan(0.2);
    return packets.filter(({ isKeyframe }) => isKeyframe).map(({ ptsS }) => ptsS.toFixed(2));
  }));
  expect(keyframes[0]?.length).toBeGreaterThanOrEqual(2);
  for (const times of keyframes) expect(times).toEqual(keyframes[0]);
}, 40_000);
