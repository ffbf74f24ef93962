/**
 * A broadcast made of numbers instead of pictures: for tests of playlists, playback and recording,
 * where nobody decodes. 30 fps with a keyframe a second, 48 kHz audio.
 */
import type { LiveRegistry } from "#media-node/live/live-registry.ts";
import { createPackager, resumePackager } from "#media-node/packager/packager.ts";
import type { Packager, PackagerDeps, PackagerStart } from "#media-node/packager/port.ts";
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
  readonly spoolFolder?: string | null;
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
  const start = startOf(options);
  return feedFrom(0, createPackager(start, depsOf(options)), { ...options, start });
}

/** The broadcast that a process with the same options began, going on at `fromS` of its timeline. */
export async function resumeSyntheticBroadcast(
  options: SyntheticOptions,
  fromS: number,
): Promise<SyntheticBroadcast> {
  const start = startOf(options);
  return feedFrom(fromS, await resumePackager(start, depsOf(options)), { ...options, start });
}

function depsOf({ live, recorder = null, spoolFolder = null }: SyntheticOptions): PackagerDeps {
  return { live, recorder, spoolFolder, log: silentLogger };
}

function startOf(options: SyntheticOptions): PackagerStart {
  const rungs = options.rungs ?? ["high"];
  return {
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
}

function feedFrom(
  fromS: number,
  packager: Packager,
  options: SyntheticOptions & { readonly start: PackagerStart },
): SyntheticBroadcast {
  const { start } = options;
  const rungs = options.rungs ?? ["high"];
  for (const name of rungs) {
    const avcC = Uint8Array.of(1, 0x64, 0, 0x1f);
    packager.setVideoConfig(name, { kind: "video", avcC, ...sizeOf(name) });
  }
  const asc = Uint8Array.of(0x11, 0x90);
  const audio = { sampleRateHz: 48_000, channels: 2, samplesPerFrame: 1024 };
  packager.setAudioConfig({ kind: "audio", asc, ...audio });
  let frame = Math.round(fromS * FPS);
  let audioFrame = Math.ceil(fromS * 48_000 / 1024);
  const firstFrame = frame;
  const pushUntil = (seconds: number) => {
    for (; frame < seconds * FPS; frame += 1) {
      for (; audioFrame * 1024 / 48_000 <= frame / FPS; audioFrame += 1) {
        const data = new Uint8Array(64).fill(audioFrame);
        packager.pushAudio({ dtsTicks: audioFrame * 1920, data });
      }
      for (const name of rungs) {
        packager.pushVideo(name, {
          dtsTicks: frame * 3000,
          compositionTicks: 0,
          durationTicks: 0,
          isKeyframe: (frame - firstFrame) % FPS === 0,
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
