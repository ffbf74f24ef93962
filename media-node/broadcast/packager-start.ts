/**
 * How the packager of a broadcast is started: by what its channel wants and its publisher sends.
 */
import { join } from "node:path";
import type { LadderRung } from "#shared/contracts/ladder.ts";
import type { Logger } from "#shared/log.ts";
import { MAX_PIXELS } from "../formats/media.ts";
import { ENCODED_AUDIO } from "../ladder/ffmpeg/ffmpeg-args.ts";
import type { LadderPlan } from "../ladder/plan.ts";
import type { LiveRegistry } from "../live/live-registry.ts";
import { partTargetMsOf } from "../hls/part-target.ts";
import type { PackagerDeps, PackagerStart } from "../packager/port.ts";
import type { Recorder } from "../recorder/port.ts";
import type { Source } from "../ingest/source.ts";
import type { Authorisation } from "./authorisation.ts";
import { replan } from "./broadcast-plan.ts";

/** The only value there is for now; the rungs' keyframes and the packager's cuts follow it. */
export const SEGMENT_TARGET_MS = 2000;
/** AAC as the engine encodes it. */
const ENCODED_AUDIO_FRAME = { samplesPerFrame: 1024, sampleRateHz: ENCODED_AUDIO.sampleRateHz };

export function describePackager(
  { videoUrl, epoch, settings }: Authorisation,
  source: Source,
  { rungs, fps }: LadderPlan,
  times: { readonly wallClockAtZeroMs: number; readonly dvrWindowS: number },
): PackagerStart {
  return {
    ...times,
    videoUrl,
    epoch,
    rungs,
    segmentTargetMs: SEGMENT_TARGET_MS,
    partTargetMs: partTargetMsOf(settings.latency, frameMsOf(source, fps)),
    hasVideo: source.video !== null,
    hasAudio: source.audio !== null || source.isAudioAwaited,
    isAudioAwaited: source.isAudioAwaited,
  };
}

/** What all packagers of a node share. */
export type PackagerSite = {
  readonly live: LiveRegistry;
  readonly recorder: Recorder;
  readonly spoolFolder: string;
  readonly log: Logger;
};

export function packagerDeps(
  { broadcastId, settings }: Authorisation,
  { live, recorder, spoolFolder, log }: PackagerSite,
): PackagerDeps {
  return {
    live,
    recorder: settings.recording ? recorder : null,
    spoolFolder: join(spoolFolder, broadcastId),
    log,
  };
}

/** The renditions of a broadcast that another process began, with sizes that fit `source`. */
export function replanFor(
  { settings }: Authorisation,
  ladder: readonly LadderRung[],
  source: Source,
  { rungs }: PackagerStart,
): LadderPlan {
  return replan({ ladder, policy: settings.ladder, plan: { rungs } }, source, true);
}

/** Why the picture is more than we decode; null when it is not. */
export function describeOversize({ facts: { video } }: Source): string | null {
  if (video === null || video.width * video.height <= MAX_PIXELS) return null;
  return `The picture has ${video.width}×${video.height} pixels; at most 4096×2304 can be carried.`;
}

/** How long one frame of the broadcast lasts: of its video, else of its audio. */
function frameMsOf({ audio }: Source, fps: number | null): number {
  if (fps !== null) return 1000 / fps;
  const { samplesPerFrame, sampleRateHz } = audio?.kind === "aac"
    ? audio.config
    : ENCODED_AUDIO_FRAME;
  return 1000 * samplesPerFrame / sampleRateHz;
}
