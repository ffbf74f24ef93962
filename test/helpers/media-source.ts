/**
 * Real media for the packager: what ffmpeg encoded, as the configs, samples and frames of a broadcast.
 */
import { FlvReader } from "#media-node/formats/flv/flv-reader.ts";
import type { FlvTag } from "#media-node/formats/flv/flv-tag.ts";
import type {
  AudioConfig,
  AudioFrame,
  VideoConfig,
  VideoSample,
} from "#media-node/formats/media.ts";
import type { Packager } from "#media-node/packager/port.ts";
import type { RenditionName } from "#shared/contracts/broadcast.ts";
import { recordFlv, type TestPattern } from "./ffmpeg.ts";

export type MediaEvent =
  | { readonly kind: "videoConfig"; readonly dtsMs: number; readonly config: VideoConfig }
  | { readonly kind: "audioConfig"; readonly dtsMs: number; readonly config: AudioConfig }
  | { readonly kind: "video"; readonly dtsMs: number; readonly sample: VideoSample }
  | { readonly kind: "audio"; readonly dtsMs: number; readonly frame: AudioFrame };

const RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000];

/** `pattern` encoded by ffmpeg, in file order. */
export async function recordMedia(
  pattern: TestPattern & { readonly seconds: number },
): Promise<MediaEvent[]> {
  const events: MediaEvent[] = [];
  const [width = 0, height = 0] = (pattern.size ?? "320x180").split("x").map(Number);
  const reader = new FlvReader((tag) => {
    const event = tag.type === "audio" ? audioEvent(tag) : videoEvent(tag, { width, height });
    if (event !== null) events.push(event);
  });
  reader.push(await recordFlv(pattern));
  return events;
}

/** Hands `events` to the packager: video to the rungs named, audio once for all. */
export function feed(
  packager: Packager,
  events: readonly MediaEvent[],
  rungs: readonly RenditionName[],
): void {
  for (const event of events) {
    if (event.kind === "audioConfig") packager.setAudioConfig(event.config);
    if (event.kind === "audio") packager.pushAudio(event.frame);
    for (const rung of rungs) {
      if (event.kind === "videoConfig") packager.setVideoConfig(rung, event.config);
      if (event.kind === "video") packager.pushVideo(rung, event.sample);
    }
  }
}

/** `events` shifted by `ms`. */
export function delay(events: readonly MediaEvent[], ms: number): MediaEvent[] {
  return events.map((event) => {
    const dtsMs = event.dtsMs + ms;
    if (event.kind === "video") {
      const sample = { ...event.sample, dtsTicks: event.sample.dtsTicks + ms * 90 };
      return { ...event, dtsMs, sample };
    }
    if (event.kind !== "audio") return { ...event, dtsMs };
    return { ...event, dtsMs, frame: { ...event.frame, dtsTicks: event.frame.dtsTicks + ms * 90 } };
  });
}

function videoEvent(
  { type, dtsMs, body }: FlvTag,
  size: { width: number; height: number },
): MediaEvent | null {
  if (type !== "video" || body[1] === 2) return null;
  const content = body.slice(5);
  if (body[1] === 0) {
    return { kind: "videoConfig", dtsMs, config: { kind: "video", avcC: content, ...size } };
  }
  const compositionMs = new DataView(body.buffer, body.byteOffset).getInt32(1) << 8 >> 8;
  const sample = {
    dtsTicks: dtsMs * 90,
    compositionTicks: compositionMs * 90,
    durationTicks: 0,
    isKeyframe: (body[0] ?? 0) >> 4 === 1,
    data: content,
  };
  return { kind: "video", dtsMs, sample };
}

function audioEvent({ dtsMs, body }: FlvTag): MediaEvent {
  const content = body.slice(2);
  if (body[1] !== 0) {
    return { kind: "audio", dtsMs, frame: { dtsTicks: dtsMs * 90, data: content } };
  }
  const bits = ((content[0] ?? 0) << 8) | (content[1] ?? 0);
  const config = {
    kind: "audio",
    asc: content,
    sampleRateHz: RATES[(bits >> 7) & 15] ?? 48_000,
    channels: (bits >> 3) & 15,
    samplesPerFrame: 1024,
  } as const;
  return { kind: "audioConfig", dtsMs, config };
}
