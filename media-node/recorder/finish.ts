/**
 * Makes a recording playable: writes its VOD playlists, the multivariant one last.
 */
import { withDeadline } from "#shared/retry.ts";
import type { Storage } from "#shared/storage/port.ts";
import {
  epochPrefix,
  headerKey,
  multivariantKey,
  openMarkerKey,
  readRecordings,
  type RecordedBroadcast,
  type RecordingRef,
  renditionPrefix,
} from "./journal.ts";
import type { RecordingResult } from "./port.ts";
import { WRITE_DEADLINE_MS } from "./rendition-writer.ts";
import { planVod } from "./vod.ts";

export type FinishOptions = {
  readonly storage: Storage;
  readonly nodeId: string;
  readonly ref: RecordingRef;
  /** What the caller knows to be stored of the broadcast; null: as its journals say. */
  readonly own: RecordedBroadcast | null;
};

/**
 * Writes the playlists of everything stored of the video, earlier broadcasts into it included, and
 * removes the marker. A broadcast of which nothing was stored leaves nothing.
 */
export async function finishRecording(options: FinishOptions): Promise<RecordingResult> {
  const { storage, nodeId, ref, own } = options;
  const { videoUrl } = ref;
  if (own !== null && own.renditions.length > 0) await putJson(storage, headerKey(ref), own.header);
  const others = await readRecordings(storage, videoUrl);
  const broadcasts = own === null
    ? others
    : [...others.filter(({ header }) => header.epoch !== ref.epoch), own]
      .toSorted((one, other) => one.header.epoch - other.header.epoch);
  if (own?.renditions.length === 0) await storage.deletePrefix(epochPrefix(ref));
  const plan = planVod(broadcasts);
  for (const { rendition, text } of plan?.media ?? []) {
    const prefix = renditionPrefix({ videoUrl, epoch: plan?.epoch ?? ref.epoch }, rendition);
    await putPlaylist(storage, `${prefix}index.m3u8`, text);
  }
  if (plan !== null) await putPlaylist(storage, multivariantKey(videoUrl), plan.multivariant);
  await storage.delete(openMarkerKey(nodeId, ref));
  return {
    durationMs: plan?.durationMs ?? 0,
    recordedBytes: plan?.bytes ?? 0,
    isPlayable: plan !== null,
  };
}

export async function putJson(storage: Storage, key: string, value: unknown): Promise<void> {
  await put(storage, { key, text: JSON.stringify(value), contentType: "application/json" });
}

async function putPlaylist(storage: Storage, key: string, text: string): Promise<void> {
  await put(storage, { key, text, contentType: "application/vnd.apple.mpegurl" });
}

type TextObject = { readonly key: string; readonly text: string; readonly contentType: string };

async function put(storage: Storage, { key, text, contentType }: TextObject): Promise<void> {
  const writing = storage.put(key, new TextEncoder().encode(text), {
    contentType,
    signal: AbortSignal.timeout(WRITE_DEADLINE_MS),
  });
  await withDeadline(`writing ${key}`, WRITE_DEADLINE_MS, writing);
}
