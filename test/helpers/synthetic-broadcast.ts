/**
 * A broadcast made of numbers instead of pictures: for tests of playlists, playback and recording,
 * where nobody decodes. 30 fps with a keyframe a second, 48 kHz audio.
 */
import type { LiveRegistry } from "#media-node/packager/live-registry.ts";
import { createPackager } from "#media-node/packager/packager.ts";
import type { Packager, PackagerStart } from "#media-node/packager/port.ts";
import type { Recorder } from "#media-node/recorder/port.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { newVideoUrl } from "#shared/ids.ts";
import { silentLogger } from "#shared/log.ts";

export type SyntheticOptions = {
  readonly live: LiveRegistry;
  readonly recorder?: Recorder | null;
  readonly rungs?: readonly RenditionName[];
  readonly frameBytes?: number;
  readonly start?: Partial<PackagerStart>;
};

export type SyntheticBroadcast = {
  readonly packager: Packager;
  readonly videoUrl: string;
  readonly epoch: number;
  /** Pushes samples until the timeline is at `seconds`. */
  pushUntil(seconds: number): void;
};

const FPS = 30;
const SIZES = { low: 360, mid: 480, high: 720 };

export function startSyntheticBroadcast(options: SyntheticOptions): SyntheticBroadcast {
  const rungs = options.rungs ?? ["high"];
  const start: PackagerStart = {
    videoUrl: newVideoUrl(),
    epoch: 1,
    rungs: rungs.map((name) => ({ name, ...sizeOf(name), videoBitrateBps: 1e6, isCopy: false })),
    wallClockAtZeroMs: Date.UTC(2026, 0, 2, 3, 4, 5),
    segmentTargetMs: 2000,
    partTargetMs: null,
    hasVideo: true,
    hasAudio: true,
    ...options.start,
  };
  const { live, recorder = null } = options;
  const packager = createPackager(start, { live, recorder, log: silentLogger });
  for (const name of rungs) {
    const avcC = Uint8Array.of(1, 0x64, 0, 0x1f);
    packager.setVideoConfig(name, { kind: "video", avcC, ...sizeOf(name) });
  }
  const asc = Uint8Array.of(0x11, 0x90);
  const audio = { sampleRateHz: 48_000, channels: 2, samplesPerFrame: 1024 };
  packager.setAudioConfig({ kind: "audio", asc, ...audio });
  let frame = 0;
  let audioFrame = 0;
  const pushUntil = (seconds: number) => {
    for (; frame < seconds * FPS; frame += 1) {
      for (; audioFrame * 1024 / 48_000 <= frame / FPS; audioFrame += 1) {
        const data = new Uint8Array(64).fill(audioFrame);
        packager.pushAudio({ ptsMs: Math.round(audioFrame * 1024 / 48), data });
      }
      for (const name of rungs) {
        packager.pushVideo(name, {
          dtsTicks: frame * 3000,
          compositionTicks: 0,
          durationTicks: 0,
          isKeyframe: frame % FPS === 0,
          data: new Uint8Array(options.frameBytes ?? 500).fill(frame),
        });
      }
    }
  };
  return { packager, videoUrl: start.videoUrl, epoch: start.epoch, pushUntil };
}

function sizeOf(name: RenditionName) {
  return { width: 2 * Math.round(SIZES[name] * 8 / 9), height: SIZES[name] };
}
