/**
 * A real recording in storage: test patterns encoded by ffmpeg, packaged and recorded as a media node
 * does it.
 */
import { createPackager } from "#media-node/packager/packager.ts";
import type { PackagerStart } from "#media-node/packager/port.ts";
import { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createRecorder } from "#media-node/recorder/recorder.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { TestPattern } from "./ffmpeg.ts";
import { delay, feed, type MediaEvent, recordMedia } from "./media-source.ts";

export type TestStretch = TestPattern & { readonly seconds: number };

/**
 * Records `stretches` one after the other, a discontinuity and a pause of `pauseS` between them; the
 * video's url.
 */
export async function storeRecording(
  storage: Storage,
  stretches: readonly TestStretch[],
  pauseS: number = 0,
): Promise<string> {
  const runs: MediaEvent[][] = [];
  let startS = 0;
  for (const stretch of stretches) {
    runs.push(delay(await recordMedia(stretch), Math.round(startS * 1000)));
    startS += stretch.seconds + pauseS;
  }
  return await storeRuns(storage, runs);
}

/** Records `runs`, a discontinuity between them; the video's url. */
export async function storeRuns(
  storage: Storage,
  runs: readonly (readonly MediaEvent[])[],
): Promise<string> {
  const live = new LiveRegistry();
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  const videoUrl = newVideoUrl();
  const has = (kind: MediaEvent["kind"]) => runs.some((run) => run.some((e) => e.kind === kind));
  const start: PackagerStart = {
    videoUrl,
    epoch: 1,
    rungs: [{ name: "high", width: 320, height: 180, videoBitrateBps: 400_000, isCopy: true }],
    wallClockAtZeroMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    segmentTargetMs: 2000,
    partTargetMs: 340,
    hasVideo: has("video"),
    hasAudio: has("audio"),
  };
  const packager = createPackager(start, { live, recorder, log: silentLogger });
  for (const [index, events] of runs.entries()) {
    if (index > 0) packager.markDiscontinuity();
    feed(packager, events, ["high"]);
  }
  await packager.end();
  live.close();
  return videoUrl;
}
