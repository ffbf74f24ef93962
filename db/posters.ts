/**
 * `reportPoster()`: a frame of a broadcast offered as the thumbnail of its video.
 */
import type { Kysely } from "kysely";
import type { PosterRequest } from "#shared/contracts/control.ts";
import { requireOwner } from "./broadcast-reports.ts";
import { lockBroadcast } from "./broadcasts.ts";
import { addPoster, type PosterOutcome } from "./images.ts";
import type { Database } from "./schema.ts";

/**
 * Takes the frame when the video has no thumbnail of its own: image row and job in one transaction.
 * @throws AppError STALE_EPOCH
 */
export async function reportPoster(
  db: Kysely<Database>,
  request: PosterRequest,
): Promise<PosterOutcome> {
  return await db.transaction().execute(async (trx) => {
    const row = requireOwner(await lockBroadcast(trx, request.broadcastId), request);
    return await addPoster(trx, row.video_id, request.sourceKey);
  });
}
