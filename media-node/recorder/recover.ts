/**
 * Finishes the recordings that a crash of this node left open.
 */
import { messageOf } from "#shared/errors.ts";
import type { Logger } from "#shared/log.ts";
import type { Storage } from "#shared/storage/port.ts";
import { finishRecording } from "./finish.ts";
import { openMarkerPrefix, readJson, recordingHeaderSchema, type RecordingRef } from "./journal.ts";
import type { RecordingResult } from "./port.ts";

export type RecoverOptions = {
  readonly storage: Storage;
  readonly nodeId: string;
  readonly log: Logger;
  /** Recordings that somebody goes on with. */
  readonly except?: readonly RecordingRef[];
};

export type RecoveredRecording = RecordingResult & {
  readonly videoUrl: string;
  readonly epoch: number;
};

/**
 * The recordings that were broken and can be played now. Called once at the start of a node, before
 * its first broadcast. One that cannot be finished stays marked, for the next start.
 */
export async function recoverRecordings(options: RecoverOptions): Promise<RecoveredRecording[]> {
  const { storage, nodeId, log, except = [] } = options;
  const recovered: RecoveredRecording[] = [];
  const markers: string[] = [];
  for await (const { key } of storage.list(openMarkerPrefix(nodeId))) markers.push(key);
  for (const key of markers) {
    try {
      const ref = await readJson(storage, key, recordingHeaderSchema);
      if (ref === null) {
        await storage.delete(key);
        continue;
      }
      if (except.some(({ videoUrl, epoch }) => videoUrl === ref.videoUrl && epoch === ref.epoch)) {
        continue;
      }
      const result = await finishRecording({ storage, nodeId, ref, own: null });
      recovered.push({ ...result, videoUrl: ref.videoUrl, epoch: ref.epoch });
      log.info("recording.recovered", { videoUrl: ref.videoUrl, epoch: ref.epoch, ...result });
    } catch (error) {
      log.error("recording.recover_failed", { key, reason: messageOf(error) });
    }
  }
  return recovered;
}
