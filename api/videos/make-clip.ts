/**
 * A clip in storage: playlists of its own over the segments of a recording.
 */
import { AppError } from "#shared/errors.ts";
import {
  cutPlaylist,
  durationOf,
  parseRecordedPlaylist,
  parseRecordedVariants,
  type RecordedPlaylist,
  type RecordedSegment,
  type RecordedVariant,
  type RecordedVariants,
  recordingKey,
  renderRecordedPlaylist,
  renderRecordedVariants,
  type Span,
  widenToSegments,
} from "#shared/hls/recorded-playlist.ts";
import type { Storage } from "#shared/storage/port.ts";
import { startAtZero, startOf } from "./clip-timeline.ts";

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

type Rendition = { readonly variant: RecordedVariant; readonly playlist: RecordedPlaylist };
type Recording = Pick<RecordedVariants, "isIndependent"> & {
  readonly renditions: readonly Rendition[];
};

export type ClipRequest = {
  /** The recording's and the clip's. */
  readonly videoUrl: string;
  readonly clipUrl: string;
  /** What is wanted; widened to whole segments. */
  readonly span: Span;
};

/**
 * Stores the playlists of a clip, the multivariant one last, and says where it truly begins and ends.
 * @throws AppError NO_RECORDING, VALIDATION_FAILED for a span outside the recording
 */
export async function makeClip(storage: Storage, request: ClipRequest): Promise<Span> {
  const { videoUrl, clipUrl, span } = request;
  const recording = await readRecording(storage, videoUrl);
  const [reference] = recording.renditions;
  const widened = reference === undefined ? null : boundsOf(reference.playlist, span);
  if (widened === null) throw new AppError("NO_RECORDING", "the recording has no segments");
  const variants: RecordedVariant[] = [];
  for (const { variant, playlist } of recording.renditions) {
    const key = variant.key.replace(`videos/${videoUrl}/`, `videos/${clipUrl}/`);
    const cut = cutPlaylist(playlist, widened);
    if (cut.segments.length === 0) continue;
    const clip = await startAtZero(cut, (segment) => readStart(storage, segment));
    await putText(storage, key, renderRecordedPlaylist(clip, key));
    variants.push({ ...variant, key });
  }
  const { isIndependent } = recording;
  const multivariant = renderRecordedVariants({ isIndependent, variants });
  await putText(storage, recordingKey(clipUrl), multivariant);
  return widened;
}

/** @throws AppError VALIDATION_FAILED */
function boundsOf(playlist: RecordedPlaylist, span: Span): Span | null {
  const durationS = durationOf(playlist);
  if (span.endS > durationS + 1) {
    const detail = `expected at most ${durationS.toFixed(3)}, the length of the recording`;
    throw new AppError("VALIDATION_FAILED", `/end: ${detail}`, {
      errors: [{ pointer: "/end", detail }],
    });
  }
  return widenToSegments(playlist, span);
}

async function readRecording(storage: Storage, videoUrl: string): Promise<Recording> {
  const { isIndependent, variants } = parseRecordedVariants(
    await readText(storage, recordingKey(videoUrl)),
  );
  const renditions = await Promise.all(variants.map(async (variant) => ({
    variant,
    playlist: parseRecordedPlaylist(await readText(storage, variant.key), variant.key),
  })));
  return { isIndependent, renditions };
}

async function readStart(storage: Storage, segment: RecordedSegment): Promise<number | null> {
  return startOf(
    await readBytes(storage, segment.initKey),
    await readBytes(storage, segment.key),
  );
}

async function readText(storage: Storage, key: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(storage, key));
}

async function readBytes(storage: Storage, key: string): Promise<Uint8Array> {
  const object = await storage.get(key);
  if (object === null) throw new AppError("NO_RECORDING", "the recording is not in storage");
  return new Uint8Array(await new Response(object.body).arrayBuffer());
}

async function putText(storage: Storage, key: string, text: string): Promise<void> {
  await storage.put(key, new TextEncoder().encode(text), { contentType: PLAYLIST_TYPE });
}
