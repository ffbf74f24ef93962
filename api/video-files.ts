/**
 * What storage holds of a video.
 */
import type { Deps } from "./deps.ts";

/**
 * Deletes the recordings of videos whose rows are gone. A storage that fails costs space, not the
 * answer: what is left is named in the log.
 */
export async function deleteVideoFiles(
  deps: Pick<Deps, "storage" | "log">,
  urls: readonly string[],
): Promise<void> {
  for (const url of urls) {
    try {
      await deps.storage.deletePrefix(`videos/${url}/`);
    } catch (error) {
      deps.log.error("video.files_left", { prefix: `videos/${url}/`, error });
    }
  }
}
