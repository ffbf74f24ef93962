/**
 * A real recording in storage: test patterns encoded by ffmpeg, packaged and recorded as a media node
 * does it.
 */
import { createPackager } from "#media-node/packager/packager.ts";
import type { PackagerStart } from "#media-node/packager/port.ts";
import { LiveRegistry } from "#media-node/packager/live-registry.ts";
import { createRecorder } from "#media-node/recorder/recorder.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import type { TestPattern } from "./ffmpeg.ts";
import { delay, feed, recordMedia } from "./media-source.ts";

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
  const live = new LiveRegistry();
  const recorder = createRecorder({ storage, nodeId: "test", log: silentLogger });
  const videoUrl = newVideoUrl();
  const start: PackagerStart = {
    videoUrl,
    epoch: 1,
    rungs: [{ name: "high", width: 320, height: 180, videoBitrateBps: 400_000, isCopy: true }],
    wallClockAtZeroMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    segmentTargetMs: 2000,
    partTargetMs: 340,
    hasVideo: stretches.some(({ size }) => size !== null),
    hasAudio: stretches.some(({ audioCodec }) => audioCodec !== null),
  };
  const packager = createPackager(start, { live, recorder, log: silentLogger });
  let startS = 0;
  for (const stretch of stretches) {
    if (startS > 0) packager.markDiscontinuity();
    feed(packager, delay(await recordMedia(stretch), Math.round(startS * 1000)), ["high"]);
    startS += stretch.seconds + pauseS;
  }
  await packager.end();
  live.close();
  return videoUrl;
}
