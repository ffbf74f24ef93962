/**
 * Storyboards: the frames a broadcast left behind as a few sprites, and the WebVTT that says which
 * tile shows which moment of the recording.
 *
 * Frames lie under `videos/<url>/<epoch>/frames/<ms>.jpg`, `ms` on the broadcast's own timeline. The
 * recording may have holes and several broadcasts in it, so frames find their place by the segment
 * they were taken in.
 */
import { segmentTimesSchema } from "#shared/contracts/recordings.ts";
import {
  durationOf,
  parseRecordedPlaylist,
  parseRecordedVariants,
  placed,
  type RecordedPlaylist,
  recordingKey,
} from "#shared/hls/recorded-playlist.ts";
import { formatVttTime } from "#shared/hls/vtt-time.ts";
import type { Storage } from "#shared/storage/port.ts";
import { type Sprite, SpriteSheet } from "./sprite-sheet.ts";

type Frame = { readonly key: string; readonly epoch: number; readonly timelineMs: number };
type PlacedFrame = { readonly key: string; readonly positionS: number };

/** More frames than this only make the sprites heavy: every second, third … one is left out. */
const MAX_FRAMES = 2000;
const MAX_FRAME_BYTES = 1024 * 1024;

/**
 * Stores sprites and `storyboard.vtt` below `videos/<url>/storyboard/` and deletes the frames. How
 * many tiles there are; null when nothing was left to make them from. Running it again changes nothing.
 */
export async function makeStoryboard(
  storage: Storage,
  videoUrl: string,
  signal: AbortSignal,
): Promise<number | null> {
  const folder = `videos/${videoUrl}/storyboard/`;
  const frames = await listFrames(storage, videoUrl);
  if (frames.length === 0) return await countStoredCues(storage, `${folder}storyboard.vtt`);
  const playlist = await readPlaylist(storage, videoUrl);
  const tiles = playlist === null
    ? 0
    : await storeStoryboard(storage, { folder, playlist, frames, signal });
  for (const epoch of new Set(frames.map((frame) => frame.epoch))) {
    await storage.deletePrefix(`videos/${videoUrl}/${epoch}/frames/`);
  }
  return tiles === 0 ? null : tiles;
}

type Work = {
  readonly folder: string;
  readonly playlist: RecordedPlaylist;
  readonly frames: readonly Frame[];
  readonly signal: AbortSignal;
};

async function storeStoryboard(
  storage: Storage,
  { folder, playlist, frames, signal }: Work,
): Promise<number> {
  const shown = thinOut(await placeFrames(storage, playlist, frames), MAX_FRAMES);
  const store = async ({ name, bytes }: Sprite) => {
    await storage.put(`${folder}${name}`, bytes, { contentType: "image/jpeg", signal });
  };
  const sheet = new SpriteSheet(store);
  const tiles: Cue[] = [];
  for (const { key, positionS } of shown) {
    signal.throwIfAborted();
    const tile = await sheet.add(await readFrame(storage, key));
    if (tile !== null) tiles.push({ positionS, target: tile });
  }
  await sheet.finish();
  if (tiles.length === 0) return 0;
  // Last: it names nothing that is not there.
  const text = new TextEncoder().encode(renderVtt(tiles, durationOf(playlist)));
  await storage.put(`${folder}storyboard.vtt`, text, { contentType: "text/vtt", signal });
  return tiles.length;
}

/** Frames on the recording's own time, in order; those of lost segments are left out. */
async function placeFrames(
  storage: Storage,
  playlist: RecordedPlaylist,
  frames: readonly Frame[],
): Promise<PlacedFrame[]> {
  const spans = await readSpans(storage, playlist);
  return frames
    .flatMap(({ key, epoch, timelineMs }): PlacedFrame[] => {
      const span = spans.find((span) =>
        span.epoch === epoch && timelineMs >= span.fromMs - TOLERANCE_MS && timelineMs < span.toMs
      );
      if (span === undefined) return [];
      return [{ key, positionS: span.positionS + Math.max(0, timelineMs - span.fromMs) / 1000 }];
    })
    .sort((one, other) => one.positionS - other.positionS);
}

/** A segment on the timeline of its broadcast, and where it lies in the recording. */
type SegmentSpan = {
  readonly epoch: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly positionS: number;
};

/** A frame may be stamped a little before the first picture of its segment. */
const TOLERANCE_MS = 100;
const SEGMENT = /^(videos\/[^/]+\/(\d{1,9})\/[^/]+\/)seg-(\d{1,9})\.m4s$/;

async function readSpans(storage: Storage, playlist: RecordedPlaylist): Promise<SegmentSpan[]> {
  const starts = new Map<string, ReadonlyMap<number, number>>();
  const spans: SegmentSpan[] = [];
  for (const { segment, startS: positionS } of placed(playlist.segments)) {
    const [, folder = "", epoch, msn] = SEGMENT.exec(segment.key) ?? [];
    const known = starts.get(folder) ?? await readStarts(storage, folder);
    starts.set(folder, known);
    const startS = known.get(Number(msn));
    if (startS === undefined) continue;
    const fromMs = startS * 1000;
    const toMs = fromMs + segment.durationS * 1000;
    spans.push({ epoch: Number(epoch), fromMs, toMs, positionS });
  }
  return spans;
}

/** When each segment of a rendition begins on its broadcast's timeline, by its number. */
async function readStarts(storage: Storage, folder: string): Promise<ReadonlyMap<number, number>> {
  const starts = new Map<number, number>();
  for (let number = 0;; number += 1) {
    const text = await readText(storage, `${folder}journal-${number}.json`);
    if (text === null) return starts;
    const { segments } = segmentTimesSchema.parse(JSON.parse(text));
    for (const { msn, startS } of segments) starts.set(msn, startS);
  }
}

/** At most `max` of `frames`, evenly. */
function thinOut<T>(frames: readonly T[], max: number): readonly T[] {
  const stride = Math.ceil(frames.length / max);
  return frames.filter((_, index) => index % stride === 0);
}

async function listFrames(storage: Storage, videoUrl: string): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const { key } of storage.list(`videos/${videoUrl}/`)) {
    const [, epoch, ms] = /^videos\/[^/]+\/(\d{1,9})\/frames\/(\d{1,10})\.jpg$/.exec(key) ?? [];
    if (epoch === undefined || ms === undefined) continue;
    frames.push({ key, epoch: Number(epoch), timelineMs: Number(ms) });
  }
  return frames;
}

/** The times of the recording: every rendition has the same. Null when nothing was kept. */
async function readPlaylist(storage: Storage, videoUrl: string): Promise<RecordedPlaylist | null> {
  const multivariant = await readText(storage, recordingKey(videoUrl));
  if (multivariant === null) return null;
  const [variant] = parseRecordedVariants(multivariant).variants;
  const text = variant === undefined ? null : await readText(storage, variant.key);
  return text === null || variant === undefined ? null : parseRecordedPlaylist(text, variant.key);
}

async function readFrame(storage: Storage, key: string): Promise<Uint8Array | null> {
  const object = await storage.get(key);
  if (object === null) return null;
  if (object.bytes <= MAX_FRAME_BYTES) {
    return new Uint8Array(await new Response(object.body).arrayBuffer());
  }
  await object.body.cancel();
  return null;
}

async function readText(storage: Storage, key: string): Promise<string | null> {
  const object = await storage.get(key);
  return object === null ? null : await new Response(object.body).text();
}

async function countStoredCues(storage: Storage, key: string): Promise<number | null> {
  const text = await readText(storage, key);
  return text === null ? null : text.split("-->").length - 1;
}

type Cue = {
  readonly positionS: number;
  /** `sprite-0.jpg#xywh=0,0,160,90` */
  readonly target: string;
};

/**
 * WebVTT whose cues are tiles, from the start of the recording to its end.
 * @see Media Fragments URI 1.0, section 4.2.2
 */
export function renderVtt(cues: readonly Cue[], durationS: number): string {
  const blocks = cues.map(({ target, positionS }, index) => {
    const startS = index === 0 ? 0 : positionS;
    const endS = cues[index + 1]?.positionS ?? Math.max(durationS, startS + 0.001);
    return `${formatVttTime(startS)} --> ${formatVttTime(endS)}\n${target}\n`;
  });
  return `WEBVTT\n\n${blocks.join("\n")}`;
}
